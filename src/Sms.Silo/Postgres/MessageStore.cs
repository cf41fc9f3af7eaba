using NodaTime;
using Npgsql;
using Sms.Contracts;
using Sms.Dispatch;
using Sms.Domain.Phones;
using Sms.Domain.Sending;
using Sms.Ports;

namespace Sms.Silo.Postgres;

/// <summary>The messages in PostgreSQL. C# calls the functions of sql/; it composes no writes.</summary>
internal sealed class MessageStore : IMessageStore, IAsyncDisposable
{
    /// <summary>A million waiting rows are changed in many short transactions.</summary>
    private const int RowsOfRound = 5000;

    private readonly Database _database;
    private readonly Batcher<Keyed<(Guid Business, SendCommand Command, string? Phone, string? Sender, Instant Since)>, SendLookup> _sends;
    private readonly Batcher<Keyed<(Guid Business, Guid QueueId, string? Sender, Instant Since)>, ClaimLookup?> _claims;
    private readonly Batcher<AcceptedMessage, Accepted> _accepts;
    private readonly Batcher<BeginAttempt, BegunAttempt> _begins;
    private readonly Batcher<SettledAttempt, bool> _settles;
    private readonly Batcher<ReleasedClaim, bool> _releases;

    public MessageStore(Database database)
    {
        _database = database;
        // With both of its waits a send stays within the five seconds after which its caller gives up.
        var patience = TimeSpan.FromSeconds(1);
        _sends = new("look_up_send", i => i.Key, LookUpSendsAsync, patience: patience, business: i => i.Value.Business);
        _claims = new("look_up_claim", i => i.Key, LookUpClaimsAsync, business: i => i.Value.Business);
        _accepts = new("accept", m => m.Id, AcceptAsync, patience: patience, business: m => m.BusinessId);
        _begins = new("begin_attempt", b => b.QueueId, BeginAsync, business: b => b.BusinessId);
        _settles = new("settle_attempt", s => s.AttemptId, SettleAsync, business: s => s.BusinessId);
        _releases = new("release_claim", r => r.QueueId, ReleaseAsync, business: r => r.BusinessId);
    }

    public Task<SendLookup> LookUpSendAsync(Guid businessId, SendCommand command, string? phone, string? sender, Instant now) =>
        _sends.AddAsync(new((businessId, command, phone, sender, now - CapCount.Memory)));

    public Task<ClaimLookup?> LookUpClaimAsync(Guid businessId, Guid queueId, string? sender, Instant now) =>
        _claims.AddAsync(new((businessId, queueId, sender, now - CapCount.Memory)));

    public Task<Accepted> AcceptAsync(AcceptedMessage message) => _accepts.AddAsync(message);

    public Task<BegunAttempt> BeginAttemptAsync(BeginAttempt attempt) => _begins.AddAsync(attempt);

    public Task<bool> SettleAsync(SettledAttempt attempt) => _settles.AddAsync(attempt);

    public Task<Instant?> FirstTriedAsync(Guid businessId, Guid attemptId) => _database.AsBusinessAsync(
        businessId,
        """
        select (
          select min(t.started_at) from sms.attempts t
          where t.message_id = a.message_id and t.started_n > coalesce((
            select max(e.id) from sms.message_events e where e.message_id = a.message_id and e.type = 'requeued'), 0))
        from sms.attempts a where a.id = $1
        """,
        async r => await r.ReadAsync() ? r.Instant(0) : null, attemptId);

    public Task ReleaseAsync(ReleasedClaim claim) => _releases.AddAsync(claim);

    public Task<(CancelOutcome Outcome, PaceSlot? Slot)> CancelAsync(Guid businessId, Guid messageId, Instant at) => _database.AsBusinessAsync(
        businessId, "select c.outcome, c.slot_at, c.segments from sms.cancel_message($1, $2, $3) c",
        async r =>
        {
            await r.ReadAsync();
            var outcome = r.GetString(0) switch
            {
                "cancelled" => CancelOutcome.Cancelled,
                "not_found" => CancelOutcome.NotFound,
                _ => CancelOutcome.NotCancellable,
            };
            return (outcome, outcome == CancelOutcome.Cancelled && r.Instant(1) is { } slot ? new PaceSlot(slot, r.GetInt32(2)) : null);
        },
        businessId, messageId, at.ToDateTimeUtc());

    public async Task ReplanAsync(Guid businessId, bool paused, bool deal, Instant now, Func<bool> isOutdated)
    {
        for (Guid? after = Guid.Empty; after is not null && !isOutdated();)
        {
            after = await _database.AsBusinessAsync(
                businessId, "select sms.replan($1, $2, $3, $4, $5, $6)", async r => await r.ReadAsync() ? r.Optional<Guid?>(0) : null,
                businessId, paused, deal, now.ToDateTimeUtc(), RowsOfRound, after.Value);
        }
    }

    public Task HoldDueAsync(Guid businessId, Instant now, Instant until, WaitCause cause, int? code) => InRoundsAsync(
        businessId, "select sms.hold_due($1, $2, $3, $4, $5, nullif($6, 0))",
        businessId, now.ToDateTimeUtc(), until.ToDateTimeUtc(), RowsOfRound, cause.ToWire(), code ?? 0);

    public Task ReleaseStoppedAsync(Guid businessId, Instant now) =>
        InRoundsAsync(businessId, "select sms.release_stopped($1, $2, $3)", businessId, now.ToDateTimeUtc(), RowsOfRound);

    public Task<IReadOnlyList<ClaimedRow>> ClaimCrowdedAsync(Guid businessId, Guid customerId, int limit, Duration lease, Instant now) =>
        _database.AsBusinessAsync(
            businessId, $"select {ClaimRow.Columns} from sms.claim_crowded($1, $2, $3, $4, $5) c order by c.lane, c.accepted_at, c.id",
            async r =>
            {
                var rows = new List<ClaimedRow>();
                while (await r.ReadAsync())
                    rows.Add(ClaimRow.Read(r));
                return (IReadOnlyList<ClaimedRow>)rows;
            },
            businessId, customerId, limit, lease.ToTimeSpan(), now.ToDateTimeUtc());

    public Task<MessageView?> GetAsync(Guid businessId, Guid messageId, Instant now) => _database.AsBusinessAsync(
        businessId, $"select {MessageRow.Columns} from {MessageRow.Source(3)} m where m.business_id is not distinct from $1 and m.id = $2",
        async r => await r.ReadAsync() ? MessageRow.Read(r) : null, businessId, messageId, now.ToDateTimeUtc());

    public Task<MessagePage> ListAsync(Guid businessId, MessageQuery query, Instant now)
    {
        var list = MessageList.Of(businessId, query, now);
        return _database.ReadAsBusinessAsync(businessId, list.Sql, r => MessageList.ReadAsync(r, query.Limit), list.Parameters);
    }

    public async ValueTask DisposeAsync()
    {
        await _sends.DisposeAsync();
        await _claims.DisposeAsync();
        await _accepts.DisposeAsync();
        await _begins.DisposeAsync();
        await _settles.DisposeAsync();
        await _releases.DisposeAsync();
    }

    private Task<IReadOnlyDictionary<Guid, SendLookup>> LookUpSendsAsync(IReadOnlyList<Keyed<(Guid Business, SendCommand Command, string? Phone, string? Sender, Instant Since)>> items) =>
        _database.AsBusinessesAsync(
            items.Select(i => i.Value.Business).Distinct(), "select * from sms.lookup_sends($1)",
            async r =>
            {
                var found = new Dictionary<Guid, SendLookup>();
                while (await r.ReadAsync())
                {
                    found[items[r.GetInt32(0)].Key] = new SendLookup(
                        ReadRecipient(r, method: 16), r.Optional<Guid?>(1), r.Text(2), r.Text(15), r.GetBoolean(11), r.Text(12), r.Optional<Guid?>(13), r.Text(14));
                }

                return (IReadOnlyDictionary<Guid, SendLookup>)found;
            },
            Rows.Json(items.Select((i, n) => Rows.Of(n, i.Value.Business, i.Value.Command, i.Value.Phone, i.Value.Sender, i.Value.Since))));

    private async Task<IReadOnlyDictionary<Guid, ClaimLookup?>> LookUpClaimsAsync(IReadOnlyList<Keyed<(Guid Business, Guid QueueId, string? Sender, Instant Since)>> items)
    {
        var found = await _database.AsBusinessesAsync(
            items.Select(i => i.Value.Business).Distinct(), "select * from sms.lookup_claims($1, $2, $3)",
            async r =>
            {
                var rows = new Dictionary<Guid, ClaimLookup>();
                while (await r.ReadAsync())
                {
                    rows[r.GetGuid(0)] = new ClaimLookup(
                        ReadRecipient(r, method: 22), r.GetGuid(11), PhoneNumber.FromE164(r.GetString(2)), r.GetString(12), r.Text(13),
                        SendingWords.ParseCategory(r.GetString(14)), r.GetInt32(15), r.Instant(16), r.Instant(17),
                        r.GetString(18) == "pending", r.GetBoolean(20), r.Text(21), r.GetBoolean(19));
                }

                return rows;
            },
            items.Select(i => i.Value.QueueId).ToArray(), items.Select(i => i.Value.Sender).ToArray(), items.Min(i => i.Value.Since).ToDateTimeUtc());
        return items.ToDictionary(i => i.Key, i => found.GetValueOrDefault(i.Value.QueueId));
    }

    /// <summary>The columns that both look-ups have in the same places, and the method of the consent.</summary>
    private static RecipientFacts ReadRecipient(NpgsqlDataReader r, int method) => new(
        r.Text(3), r.Text(4), r.Text(5), SendingWords.ParseConsent(r.GetString(7)), r.Optional<Guid?>(6), r.GetBoolean(8), r.GetBoolean(9), r.Instants(10))
    {
        ConsentMethod = r.Text(method),
    };

    private Task<IReadOnlyDictionary<Guid, Accepted>> AcceptAsync(IReadOnlyList<AcceptedMessage> items) => GroupAsync(
        items, m => m.BusinessId, Rows.Of, "select * from sms.accept_messages($1)",
        r => (r.GetGuid(0), new Accepted(
            r.GetString(1) switch { "stored" => Placement.Stored, "over_limit" => Placement.OverLimit, "outdated" => Placement.Outdated, _ => Placement.Duplicate },
            r.GetGuid(2), r.Text(3), r.Optional<Guid?>(4) ?? default)));

    private async Task<IReadOnlyDictionary<Guid, BegunAttempt>> BeginAsync(IReadOnlyList<BeginAttempt> items)
    {
        var byAttempt = await GroupAsync(items, b => b.BusinessId, Rows.Of, "select * from sms.begin_attempts($1)",
            r => (r.GetGuid(0), new BegunAttempt(
                r.GetString(1) switch { "begun" => BeginOutcome.Begun, "blocked" or "locked" => BeginOutcome.Blocked, "changed" => BeginOutcome.Changed, _ => BeginOutcome.Lost },
                r.IsDBNull(2) ? 0 : r.GetInt32(2), r.GetBoolean(3))));
        return items.ToDictionary(i => i.QueueId, i => byAttempt[i.Attempt.Id]);
    }

    private Task<IReadOnlyDictionary<Guid, bool>> SettleAsync(IReadOnlyList<SettledAttempt> items) => GroupAsync(
        items, s => s.BusinessId, Rows.Of, "select * from sms.settle_attempts($1)", r => (r.GetGuid(0), r.GetBoolean(1)));

    private async Task<IReadOnlyDictionary<Guid, bool>> ReleaseAsync(IReadOnlyList<ReleasedClaim> items)
    {
        var held = await GroupAsync(items, r => r.BusinessId, Rows.Of, "select * from sms.release_claims($1)", r => (r.GetGuid(0), true));
        return items.ToDictionary(i => i.QueueId, i => held.ContainsKey(i.QueueId));
    }

    private Task<IReadOnlyDictionary<Guid, TResult>> GroupAsync<TItem, TResult>(
        IReadOnlyList<TItem> items, Func<TItem, Guid> business, Func<TItem, object> row, string sql, Func<NpgsqlDataReader, (Guid, TResult)> read) =>
        Replay.OnConflictAsync(() => _database.AsBusinessesAsync(
            items.Select(business).Distinct(), sql,
            async r =>
            {
                var results = new Dictionary<Guid, TResult>();
                while (await r.ReadAsync())
                {
                    var (key, result) = read(r);
                    results[key] = result;
                }

                return (IReadOnlyDictionary<Guid, TResult>)results;
            },
            Rows.Json(items.Select(row))));

    /// <summary>Until a round changes fewer rows than it may.</summary>
    private async Task InRoundsAsync(Guid businessId, string sql, params object[] parameters)
    {
        int changed;
        do
        {
            changed = await _database.AsBusinessAsync(businessId, sql, async r => await r.ReadAsync() ? r.GetInt32(0) : 0, parameters);
        }
        while (changed == RowsOfRound);
    }
}
