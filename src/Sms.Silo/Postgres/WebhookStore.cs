using NodaTime;
using Npgsql;
using NpgsqlTypes;
using Sms.Domain.Failures;
using Sms.Ports;

namespace Sms.Silo.Postgres;

/// <summary>Callbacks and inbound texts in PostgreSQL.</summary>
internal sealed class WebhookStore : IWebhookStore, IAsyncDisposable
{
    private readonly Database _database;
    private readonly Batcher<Keyed<ReportedStatus>, string> _callbacks;

    public WebhookStore(Database database)
    {
        _database = database;
        // The provider's client goes after some seconds; what it could not tell is asked for later.
        _callbacks = new("apply_callback", c => c.Key, ApplyAsync, patience: TimeSpan.FromSeconds(4));
    }

    public Task<string> ApplyCallbackAsync(ReportedStatus status) => _callbacks.AddAsync(new(status));

    public Task<InboundOutcome> ApplyInboundAsync(
        string sid, string[] senders, bool isDefault, string phone, string kind, string? words, string? note, Instant at) =>
        Replay.OnConflictAsync(() => _database.AsNobodyAsync(
            "select a.kind, a.business_id, a.customer_id from sms.apply_inbound($1, $2, $3, $4, $5, $6, $7, $8) a",
            async r =>
            {
                await r.ReadAsync();
                return new InboundOutcome(r.GetString(0), r.Optional<Guid?>(1), r.Optional<Guid?>(2));
            },
            sid, senders, isDefault, phone, kind, Text(words), Text(note), at.ToDateTimeUtc()));

    public ValueTask DisposeAsync() => _callbacks.DisposeAsync();

    private static NpgsqlParameter Text(string? text) => new() { NpgsqlDbType = NpgsqlDbType.Text, Value = (object?)text ?? DBNull.Value };

    private Task<IReadOnlyDictionary<Guid, string>> ApplyAsync(IReadOnlyList<Keyed<ReportedStatus>> items) => _database.AsNobodyAsync(
        "select * from sms.apply_callbacks($1)",
        async r =>
        {
            var outcomes = new Dictionary<Guid, string>();
            while (await r.ReadAsync())
                outcomes[items[r.GetInt32(0)].Key] = r.GetString(1);
            return (IReadOnlyDictionary<Guid, string>)outcomes;
        },
        Rows.Json(items.Select((i, n) => new
        {
            N = n,
            i.Value.AttemptId,
            i.Value.Sid,
            i.Value.Status,
            i.Value.MovesTo,
            i.Value.Rank,
            i.Value.ErrorCode,
            ErrorClass = i.Value.ErrorClass?.ToWire(),
            i.Value.ErrorMessage,
            i.Value.Suppress,
            At = i.Value.At.ToDateTimeOffset(),
            CheckAt = i.Value.CheckAt.ToDateTimeOffset(),
        })));
}
