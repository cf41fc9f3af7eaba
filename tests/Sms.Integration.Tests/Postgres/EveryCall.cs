using NodaTime;
using Npgsql;
using NpgsqlTypes;
using Sms.Contracts;
using Sms.Domain.Attempts;
using Sms.Domain.Failures;
using Sms.Domain.Phones;
using Sms.Domain.Sending;
using Sms.Domain.Statutes;
using Sms.Ports;
using Sms.Silo.Postgres;
using Sms.Testing.Databases;

namespace Sms.Integration.Tests.Postgres;

/// <summary>
/// All that the program asks of the database, once and in each of its ways, for a few rows of a business with a past
/// (<see cref="Past"/>). Sweeps are asked for few rows, so that whatever reads many shows.
/// </summary>
internal sealed class EveryCall(TestDatabase database, NpgsqlDataSource source, bool withRoles, Instant now) : IDisposable
{
    private const int Few = 5;

    private static readonly Duration Lease = Duration.FromSeconds(20);
    private static readonly string[] Ends = ["accepted", "retry", "defer", "failed", "unknown"];
    private static readonly string[] Releases = ["defer", "unclaim", "fault", "fail", "cancel"];

    private readonly Database _app = new(source, withRoles ? DatabaseRights.Roles : DatabaseRights.Owner);
    private Guid _business;
    private Guid _other;

    private RetryQueue Queue => new(_app);

    private LocalDate Today => now.InUtc().Date;

    public void Dispose() => _app.Dispose();

    public async Task RunAsync()
    {
        // The newest that are not paused.
        var found = await IdsAsync("select id from businesses where name like 'B%' and not sms_settings @> '{\"paused\": true}' order by substr(name, 2)::int desc limit 2");
        (_business, _other) = (found[0], found[1]);
        await AcceptAsync();
        await DispatchAsync();
        await SweepAsync();
        await ReconcileAsync();
        await ReportAsync();
        await ListenAsync();
        await ReadAsync();
        await RecordAsync();
        await ChangeAsync();
    }

    private async Task AcceptAsync()
    {
        await using var store = new MessageStore(_app);
        var customers = await IdsAsync("select id from customers where business_id = $1 and phone_e164 is not null and erased_at is null order by phone limit 20");
        var phones = await TextsAsync("select phone_e164 from customers where business_id = $1 and phone_e164 is not null and erased_at is null order by phone limit 20");
        var consents = await IdsAsync("select sms_consent_id from customers where business_id = $1 and phone_e164 is not null and erased_at is null order by phone limit 20");
        var template = (await IdsAsync("select id from email_templates where business_id = $1 limit 1"))[0];
        var old = (await IdsAsync("select id from send_logs where business_id = $1 and status = 'delivered' limit 1"))[0];
        SendCommand Command(string category) => new() { MessageId = Guid.CreateVersion7(), Category = category };
        foreach (var business in new[] { _business, _other })
        {
            await Task.WhenAll(
                store.LookUpSendAsync(business, Command("marketing") with { CustomerId = customers[0], IdempotencyKey = "key-7", TemplateId = template }, null, Past.Sender, now),
                store.LookUpSendAsync(business, Command("marketing"), phones[1], Past.Sender, now),
                store.LookUpSendAsync(business, Command("marketing"), "+15155550100", Past.Sender, now),
                store.LookUpSendAsync(business, Command("transactional") with { MessageId = old }, phones[2], null, now));
        }

        AcceptedMessage Message(int n) => Samples.Message(_business, customers[n], now, phones[n]) with { IsNewCustomer = false, Sender = Past.Sender };
        var keyed = new string('0', 64);
        var capped = Samples.Decision with { Cap = new CapCount("cap", 3, 24, 0, null) };
        var next = 0;
        foreach (var limit in new int?[] { null, 1000 })
        {
            var first = Message(next).Claimed() with { IdempotencyKey = $"new-{Guid.NewGuid()}", RequestHash = keyed, MonthlyMessageLimit = limit };
            var consent = consents[next++];
            await Task.WhenAll(
                store.AcceptAsync(first),
                store.AcceptAsync(Message(next++).Claimed()),
                store.AcceptAsync(Message(next++) with { ScheduledFor = now + Duration.FromHours(2), Cause = WaitCause.QuietHours }),
                store.AcceptAsync(Message(next++) with { IdempotencyKey = "key-8", RequestHash = keyed }),
                store.AcceptAsync(Message(next++) with { MonthlyMessageLimit = limit is null ? null : 1 }),
                store.AcceptAsync(Samples.Message(_other, Guid.NewGuid(), now, Seed.Phone()).Claimed() with { Sender = Past.Sender }));
            await store.AcceptAsync(first);
            await store.BeginAttemptAsync(Samples.Begin(first) with { ConsentId = consent, DailySegmentLimit = limit, Decision = capped });
        }

        // A message for a customer whose number is another by now; and a claim that is no longer held.
        var moved = (Message(0) with { To = PhoneNumber.FromE164(phones[1]), IsByCustomer = true }).Claimed();
        await store.AcceptAsync(moved);
        await store.BeginAttemptAsync(Samples.Begin(moved));
        await store.BeginAttemptAsync(Samples.Begin(moved) with { LeaseToken = Guid.NewGuid() });
    }

    private async Task DispatchAsync()
    {
        await using var store = new MessageStore(_app);
        await Queue.ClaimDueAsync(Few, Lease, now);
        var claims = (await Queue.ClaimDueAsync(24, Lease, now)).ToList();
        var consents = new Dictionary<Guid, Guid?>();
        await Task.WhenAll(claims.Select(async c =>
        {
            var found = await store.LookUpClaimAsync(c.BusinessId, c.Row.QueueId, Past.Sender, now);
            lock (consents)
                consents[c.Row.QueueId] = found?.Recipient.ConsentId;
        }));

        var begun = new List<BeginAttempt>();
        await Task.WhenAll(claims.Take(14).Select(async (c, n) =>
        {
            var begin = Samples.Begin(c, now) with { ConsentId = consents[c.Row.QueueId], DailySegmentLimit = n % 2 == 0 ? 1000 : null };
            if (n % 3 == 0)
                begin = begin with { Decision = begin.Decision with { Cap = new CapCount("cap", 3, 24, 0, null) } };
            if ((await store.BeginAttemptAsync(begin)).Outcome == BeginOutcome.Begun)
            {
                lock (begun)
                    begun.Add(begin);
            }
        }));
        await Task.WhenAll(begun.Select((b, n) => store.SettleAsync(
            Samples.Settle(b.BusinessId, b.Attempt.Id, Ends[n % 5], now) with { Suppress = n % 5 == 3 ? "unreachable" : null })));
        await Task.WhenAll(begun.Take(1).Select(b => store.SettleAsync(Samples.Settle(b.BusinessId, b.Attempt.Id, Ends[0], now))));
        if (begun.Count > 0)
            await store.FirstTriedAsync(begun[0].BusinessId, begun[0].Attempt.Id);
        var rest = claims.Skip(14).ToList();
        await Queue.RenewAsync([.. rest.Select(c => (c.Row.QueueId, c.Row.LeaseToken))], now + Lease);
        await Task.WhenAll(rest.Select((c, n) => store.ReleaseAsync(Samples.Release(c, Releases[n % 5], now))));

        var crowded = (await IdsAsync("select customer_id from sms_retry_queue where business_id = $1 and status = 'pending' and held = 'recipient' limit 1")).FirstOrDefault();
        await store.ClaimCrowdedAsync(_business, crowded, Few, Lease, now);
        foreach (var message in await IdsAsync("select id from send_logs where business_id = $1 and status = 'pending' order by created_at limit 4"))
            await store.CancelAsync(_business, message, now);
        await store.CancelAsync(_business, Guid.NewGuid(), now);
    }

    private async Task SweepAsync()
    {
        var (at, until) = (now.ToDateTimeUtc(), (now + Duration.FromMinutes(1)).ToDateTimeUtc());
        // Two messages whose rows somebody ended by hand, and a password that expired while its business is paused.
        await database.ExecuteAsync(
            """
            update sms_retry_queue q set status = case l.n when 1 then 'cancelled' else 'completed' end, held = null
            from (
              select s.message_id, row_number() over (order by s.created_at desc, s.message_id desc) as n from sms.message_states s
              where s.business_id = $2 and s.status = 'pending'
                and s.created_at < $1::timestamptz - interval '1 minute' and not exists (select from sms.attempts a where a.message_id = s.message_id)
              order by s.created_at desc, s.message_id desc limit 2) l
            where q.send_log_id = l.message_id
            """, at, _business);
        await database.ExecuteAsync(
            """
            with r as (select id, send_log_id from sms_retry_queue where status = 'pending' and held = 'paused' order by id limit 1),
            q as (update sms_retry_queue x set lane = 0 from r where x.id = r.id)
            update send_logs l set valid_until = $1 from r where l.id = r.send_log_id
            """, at);
        foreach (var (paused, deal) in new[] { (false, true), (true, false), (false, false) })
            await _app.AsBusinessAsync(_business, "select sms.replan($1, $2, $3, $4, 20, $5)", Database.Ignore, _business, paused, deal, at, Guid.Empty);
        await _app.AsBusinessAsync(_business, "select sms.hold_due($1, $2, $3, 5, 'sender_refused', 20003)", Database.Ignore, _business, at, until);
        await _app.AsBusinessAsync(_business, "select sms.release_stopped($1, $2, 5)", Database.Ignore, _business, at);
        await _app.AsQueueAsync("select sms.release_unpaused($1, 5)", Database.Ignore, at);
        await _app.AsQueueAsync("select * from sms.crowded_recipients(5)", Database.Ignore);
        // From the first business on, and from the one that has some.
        await _app.AsQueueAsync("select * from sms.requeue_lost($1, 20)", Database.Ignore, at);
        await _app.AsQueueAsync("select * from sms.requeue_lost($1, 60, $2)", Database.Ignore, at, _business);
        await _app.AsQueueAsync("select sms.end_expired($1, 5)", Database.Ignore, at);
        await _app.AsQueueAsync("select sms.fold_counts(20)", Database.Ignore);
        await _app.AsQueueAsync("select * from sms.replan_outdated('new', 'new', 1, $1, 20, $1, $2)", Database.Ignore, at, Guid.Empty);
        await Queue.ProbeStoppedAsync(now);
        await Queue.RecoverAsync(now, Lease);
        await Queue.CountClaimedInVainAsync(now);
        await new StoreClock(_app).ReadAsync();
        var early = now - Duration.FromDays(200) + Duration.FromMinutes(20);
        await Queue.ExpireAttemptsAsync(early, now, now + Duration.FromMinutes(1), early, ["silo-2"]);
        var rules = new RuleStore(_app);
        var blackout = new Blackout(Guid.NewGuid(), "TX", Today, Today, "Storm");
        await rules.PutBlackoutAsync(blackout, "admin", now);
        await rules.LoadBlackoutsAsync(null);
        await rules.LoadBlackoutsAtAsync(1);
        await rules.GetHistoryAsync(PageRequest.First);
        await _app.AsBusinessAsync(
            _business, "select sms.plan_change($1, $2::jsonb, $3::jsonb)", Database.Ignore, _business,
            """{"at": "2026-06-01T12:00:00Z", "settings_version": 0, "blackouts": 0}""", """{"decided_at": "2026-06-01T10:00:00Z", "settings_version": 1, "blackouts": 1}""");
        await rules.RemoveBlackoutAsync(blackout.Id, "admin", now);

        var unread = await _app.AsQueueAsync("select customer_id from sms.unread_phones(5, $1::uuid)", ReadIdsAsync, new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Uuid, Value = DBNull.Value });
        var phones = await database.ScalarAsync<string[]>("select array_agg(c.phone order by i.n) from unnest($1) with ordinality i (id, n) join customers c on c.id = i.id", unread) ?? [];
        await _app.AsQueueAsync("select sms.note_phones($1, $2, $2)", Database.Ignore, unread, phones);
    }

    private async Task ReconcileAsync()
    {
        var store = new ReconcileStore(_app);
        await store.ClaimLookupsAsync(Few, now, now + Duration.FromMinutes(1));
        var unknown = await IdsAsync("select a.id from sms.attempts a join send_logs l on l.id = a.message_id where a.business_id = $1 and a.state = 'unknown' order by l.to_phone limit 6");
        // Another business's with the same text to the same number is under way; and one whose message was cancelled.
        await database.ExecuteAsync(
            """
            update sms.attempts o set state = 'open', unknown_at = null, next_lookup_at = null
            from sms.attempts a where a.id = $1 and o.business_id = $2 and o.phone = a.phone and o.state = 'unknown'
            """, At(unknown, 0), _other);
        await database.ExecuteAsync("update send_logs l set status = 'cancelled' from sms.attempts a where a.id = $1 and l.id = a.message_id", At(unknown, 1));
        for (var n = 0; n < 6; n++)
        {
            await store.SettleLookupAsync(new LookupFinding
            {
                AttemptId = At(unknown, n),
                Sids = n == 3 ? [$"SM{Guid.NewGuid():N}"] : [],
                IsFinal = n is 1 or 4,
                NextLookupAt = now + Duration.FromHours(1),
                CheckAt = now,
                At = now,
            });
        }

        await store.PostponeLookupAsync(At(unknown, 5), now + Duration.FromHours(1));
        var sids = await store.ClaimUnreportedAsync(Few, now, now + Duration.FromMinutes(1));
        await store.PostponeReportAsync(sids.Count > 0 ? sids[0] : "SM0", now);
    }

    private async Task ReportAsync()
    {
        var store = new WebhookStore(_app);
        var sent = await IdsAsync("select a.id from sms.attempts a join send_logs l on l.id = a.message_id where a.business_id = $1 and l.status = 'sent' limit 4");
        var sids = await TextsAsync("select a.twilio_sid from sms.attempts a join send_logs l on l.id = a.message_id where a.business_id = $1 and l.status = 'sent' limit 4");
        var open = await IdsAsync("select a.id from sms.attempts a where a.business_id = $1 and a.state = 'open' limit 2");
        // Sent back to the queue by hand after its attempt had its end.
        await database.ExecuteAsync("update send_logs l set status = 'pending' from sms.attempts a where a.id = $1 and l.id = a.message_id", At(sent, 3));
        ReportedStatus Report(Guid? attempt, string? sid, string status, string movesTo, int rank) => new()
        {
            AttemptId = attempt,
            Sid = sid,
            Status = status,
            MovesTo = movesTo,
            Rank = rank,
            At = now,
            CheckAt = now,
            ErrorCode = movesTo == "failed" ? 30005 : null,
            ErrorClass = movesTo == "failed" ? FailureClass.BadNumber : null,
            Suppress = movesTo == "failed" ? "unreachable" : null,
        };
        await store.ApplyCallbacksAsync(
        [
            Report(At(sent, 0), At(sids, 0), "queued", "sent", 1), Report(At(sent, 0), At(sids, 0), "delivered", "delivered", 5), Report(null, At(sids, 1), "failed", "failed", 5),
            Report(At(sent, 2), At(sids, 2), "sending", "sent", 2), Report(At(sent, 3), At(sids, 3), "delivered", "delivered", 5), Report(At(open, 0), "SM" + Guid.NewGuid(), "sent", "sent", 4),
            Report(Guid.NewGuid(), "SM0", "sent", "sent", 4),
        ]);
    }

    private async Task ListenAsync()
    {
        var store = new WebhookStore(_app);
        var phones = await TextsAsync("select phone_e164 from customers where business_id = $1 and phone_e164 is not null and erased_at is null order by phone desc limit 8");
        var kinds = new[] { "opt_out", "opt_in", "help", "review", "other", "opt_in" };
        for (var n = 0; n < kinds.Length; n++)
        {
            var heard = await store.ApplyInboundAsync($"SM{Guid.NewGuid():N}", [Past.Sender, "MG1"], isDefault: true, phones[n / 2], kinds[n], "WORD", null, now);
            if (heard.Unfinished is { } left)
                await store.FinishOptOutAsync(left, now);
        }

        await store.FindUnfinishedOptOutsAsync(now, Few);
    }

    private async Task ReadAsync()
    {
        await using var store = new MessageStore(_app);
        var records = new RecordStore(_app);
        var messages = await IdsAsync("select id from send_logs where business_id = $1 order by created_at limit 3");
        var customer = (await IdsAsync("select customer_id from send_logs where business_id = $1 order by created_at limit 1"))[0];
        var phone = (await TextsAsync("select to_phone from send_logs where business_id = $1 order by created_at limit 1"))[0];
        await store.GetAsync(_business, messages[0], now);
        foreach (var part in new[] { PageRequest.First with { Limit = 2 }, new PageRequest(2, now.ToDateTimeOffset(), new Guid("00000000-0000-0000-0000-000000000002")), PageRequest.First with { BeforeId = Guid.AllBitsSet } })
            await records.GetEventsAsync(_business, messages[0], part);
        await records.GetEventsAsync(_business, messages);
        await records.GetBusinessHistoryAsync(_business, version: null, PageRequest.First);
        await records.GetBusinessHistoryAsync(_business, version: 0, PageRequest.First);
        var (middle, page) = ((now - Duration.FromDays(199)).ToDateTimeOffset(), new MessageQuery { Limit = 20 });
        foreach (var query in new[]
        {
            page, page with { Statuses = ["delivered"] }, page with { Statuses = ["failed", "cancelled"] }, page with { Reasons = ["quiet_hours"] }, page with { Causes = ["send_at", "pace"] },
            page with { Causes = ["busy"] }, page with { Sids = ["SM0"] }, page with { Unknown = true }, page with { ErrorCodes = [30003] }, page with { Categories = ["otp"], ErrorClasses = ["expired"] },
            page with { UpdatedSince = middle, Unknown = false, Metadata = new() { ["order"] = ["42"] } }, page with { CustomerId = customer },
            page with { To = phone }, page with { Since = middle }, page with { Until = middle }, page with { CustomerId = customer, Statuses = ["delivered"] },
            page with { To = phone, Statuses = ["failed"] }, page with { Reasons = ["quiet_hours"], Since = middle },
        })
        {
            await store.ListAsync(_business, query, now);
            await store.ListAsync(_business, query with { BeforeCreatedAt = middle, BeforeId = messages[0] }, now);
        }

        var (first, next) = (new PageRequest(20, null, null), new PageRequest(20, middle, messages[0]));
        foreach (var part in new[] { first, next })
        {
            await records.ListCustomersAsync(_business, null, part);
            await records.ListCustomersAsync(_business, phone, part);
            await records.ListSuppressionsAsync(_business, Past.Sender, null, part);
            await records.ListOptOutsAsync(_business, Past.Sender, part);
        }

        var operators = new OperatorStore(_app);
        await operators.FindMessageAsync(messages[0], sid: null, now);
        await operators.FindMessageAsync(id: null, "SM0", now);
        await operators.FindMessagesToAsync(phone, first, now);
        await operators.ListBusinessesAsync(query: null, first);
        await records.FindOptOutsAsync(_business, Past.Sender, [phone, "+15130000007", "+15140000007"]);
        await records.GetStatsAsync(_business, Today, Today, now);
        await records.GetQueueStatsAsync(now);
        await records.ListKeysAsync(_business);
        await records.GetErasureAsync(_business, customer);
    }

    private async Task RecordAsync()
    {
        var records = new RecordStore(_app);
        var customers = await IdsAsync("select id from customers where business_id = $1 and phone_e164 is not null and erased_at is null order by phone offset 30 limit 8");
        ConsentEntry Entry(Guid customer, string status) => new()
        {
            Id = Guid.NewGuid(),
            CustomerId = customer,
            Status = status,
            At = now.ToDateTimeOffset(),
            RecordedAt = now.ToDateTimeOffset(),
            Actor = "admin",
        };
        foreach (var status in new[] { "opted_in", "opted_out" })
            await records.RecordConsentAsync(_business, Entry(customers[0], status));
        var ledger = await records.GetConsentAsync(_business, customers[0], PageRequest.First);
        await records.GetConsentAsync(_business, customers[0], PageRequest.First with { BeforeId = ledger!.Data[0].Id });
        await records.GetConsentAsync(_business, Guid.NewGuid(), PageRequest.First);
        await records.FindConsentPhonesAsync(_business, customers[0]);
        await records.FindUnreadPhoneAsync(_business, customers[0]);
        // As others write it.
        await _app.AsBusinessAsync(_business, "update customers set sms_consent_status = 'opted_out' where id = $1", Database.Ignore, customers[1]);
        await _app.AsBusinessAsync(_business, "update customers set phone = $2 where id = $1", Database.Ignore, customers[2], "(512) 555-0100");
        await records.AddOptOutAsync(_business, (await TextsAsync("select phone_e164 from customers where business_id = $1 and phone_e164 is not null order by phone offset 40 limit 1"))[0], "asked", "admin", now);
        await records.RemoveSuppressionAsync(_business, "+15130000008", Past.Sender, "unreachable");
        await records.RemoveSuppressionAsync(_business, "+15140000008", Past.Sender, "opt_out");
        foreach (var customer in new[] { customers[0], customers[3], customers[3] })
            await records.EraseCustomerAsync(_business, customer, "admin", now);
        await records.EraseCustomerAsync(_business, At(await IdsAsync("select customer_id from sms.attempts where business_id = $1 and state = 'open' limit 1"), 0), "admin", now);
        for (var part = 0; part < 3; part++)
            await records.FinishErasureAsync(now);
        await records.BlankBodiesAsync(now, Few);
        foreach (var failed in await IdsAsync("select id from send_logs where business_id = $1 and status = 'failed' and body <> '' limit 1"))
            await records.RetryMessageAsync(_business, failed, now);
        await records.RetryMessageAsync(_business, Guid.NewGuid(), now);
        await DeleteAsync((await IdsAsync("select id from send_logs where business_id = $1 and status = 'delivered' limit 1"))[0]);
    }

    /// <summary>The program itself deletes no message: as the tables' owner.</summary>
    private async Task DeleteAsync(Guid message)
    {
        await using var connection = await source.OpenConnectionAsync();
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(new NpgsqlBatchCommand($"select set_config('role', 'none', true), set_config('sms.business_ids', '{_business}', true)"));
        batch.BatchCommands.Add(new NpgsqlBatchCommand($"delete from send_logs where id = '{message}'"));
        await batch.ExecuteNonQueryAsync();
    }

    private async Task ChangeAsync()
    {
        await using var store = new BusinessStore(_app);
        var records = new RecordStore(_app);
        var made = new StoredBusiness(Guid.NewGuid(), "New", "America/Chicago", "{}");
        await store.CreateAsync(made, new CreateBusiness("New", null, null, Guid.NewGuid(), Guid.NewGuid().ToByteArray(), "x"), now);
        await store.LoadAsync(_business);
        await store.ChangeAsync(new BusinessChange(made.Id, 0, "admin") { Name = "Newer", Timezone = "America/Denver", Settings = "{\"paused\": true}" }, now);
        await store.ChangeAsync(new BusinessChange(made.Id, 0, "admin") { Settings = "{\"paused\": false}" }, now);
        await store.LoadUsageAsync(_business, Today, Today);
        await store.LastPaceSlotAsync(_business);
        await store.CheckAsync();
        var waiting = await IdsAsync("select customer_id from sms_retry_queue where business_id = $1 and status = 'pending' and reason = 'quiet_hours' limit 1");
        await records.ChangeCustomerAsync(_business, new ChangeCustomer { Id = At(waiting, 0), Name = "Bo", PostalCode = "78701" }, null, now);
        await records.ChangeCustomerAsync(_business, new ChangeCustomer { Id = At(waiting, 0) }, Seed.Phone(), now);
        var consent = new ConsentView { Status = "opted_in" };
        await records.ChangeCustomerAsync(_business, new ChangeCustomer { Id = At(waiting, 0), Consent = consent, ConsentId = Guid.NewGuid() }, Seed.Phone(), now);
        await store.GetCustomerAsync(_business, At(waiting, 0));
        var known = (await TextsAsync("select phone_e164 from customers where business_id = $1 and phone_e164 is not null order by phone offset 50 limit 1"))[0];
        foreach (var (phone, status) in new[] { (Seed.Phone(), "opted_in"), (known, "opted_out"), (known, null) })
        {
            await store.AddCustomerAsync(_business, new CreateCustomer
            {
                Id = Guid.NewGuid(),
                Phone = phone,
                Actor = "admin",
                Consent = status is null ? null : new ConsentView { Status = status },
            }, phone, now);
        }

        var (key, hash) = (Guid.NewGuid(), Guid.NewGuid().ToByteArray());
        await records.AddKeyAsync(_business, key, hash, "x", now);
        await store.FindKeyAsync(hash);
        await records.RemoveKeyAsync(_business, key, now);
    }

    private static async Task<Guid[]> ReadIdsAsync(NpgsqlDataReader reader)
    {
        var ids = new List<Guid>();
        while (await reader.ReadAsync())
            ids.Add(reader.GetGuid(0));
        return [.. ids];
    }

    /// <summary>Where there are too few, the first time, some that is not there.</summary>
    private static Guid At(Guid[] ids, int n) => n < ids.Length ? ids[n] : Guid.NewGuid();

    private static string At(string[] texts, int n) => n < texts.Length ? texts[n] : $"SM{Guid.NewGuid():N}";

    private async Task<Guid[]> IdsAsync(string sql) => await FirstColumnAsync<Guid[]>(sql) ?? [];

    private async Task<string[]> TextsAsync(string sql) => await FirstColumnAsync<string[]>(sql) ?? [];

    private Task<T?> FirstColumnAsync<T>(string sql) => sql.Contains("$1", StringComparison.Ordinal)
        ? database.ScalarAsync<T>($"select array(select {sql["select ".Length..]})", _business)
        : database.ScalarAsync<T>($"select array(select {sql["select ".Length..]})");
}
