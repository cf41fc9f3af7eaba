using NodaTime;
using Sms.Domain.Attempts;
using Sms.Ports;

namespace Sms.Silo.Postgres;

/// <summary>Look-ups that are due, and what they found, in PostgreSQL.</summary>
internal sealed class ReconcileStore(Database database) : IReconcileStore
{
    public Task<IReadOnlyList<UnknownAttempt>> ClaimLookupsAsync(int limit, Instant now, Instant until) => database.AsQueueAsync(
        "select * from sms.claim_lookups($1, $2, $3)",
        async r =>
        {
            var attempts = new List<UnknownAttempt>();
            while (await r.ReadAsync())
            {
                attempts.Add(new UnknownAttempt(
                    r.GetGuid(0), r.GetString(1), r.GetString(2), r.GetString(3), r.Instant(4)!.Value, r.Instant(5)!.Value)
                {
                    MessageId = r.GetGuid(6),
                    BusinessId = r.GetGuid(7),
                });
            }

            return (IReadOnlyList<UnknownAttempt>)attempts;
        },
        limit, now.ToDateTimeUtc(), until.ToDateTimeUtc());

    public Task<LookupVerdict> SettleLookupAsync(LookupFinding finding) => database.AsQueueAsync(
        "select sms.settle_lookup($1, $2, $3, $4, $5, $6)",
        async r => await r.ReadAsync() ? Enum.Parse<LookupVerdict>(r.GetString(0), ignoreCase: true) : LookupVerdict.Settled,
        finding.AttemptId, finding.Sids.ToArray(), finding.IsFinal, finding.NextLookupAt.ToDateTimeUtc(),
        finding.CheckAt.ToDateTimeUtc(), finding.At.ToDateTimeUtc());

    public Task PostponeLookupAsync(Guid attemptId, Instant until) => database.AsQueueAsync(
        "select sms.postpone_lookup($1, $2)", Database.Ignore, attemptId, until.ToDateTimeUtc());

    public Task<IReadOnlyList<string>> ClaimUnreportedAsync(int limit, Instant now, Instant until) => database.AsQueueAsync(
        "select sid from sms.claim_unreported($1, $2, $3) sid where sid is not null",
        async r =>
        {
            var sids = new List<string>();
            while (await r.ReadAsync())
                sids.Add(r.GetString(0));
            return (IReadOnlyList<string>)sids;
        },
        limit, now.ToDateTimeUtc(), until.ToDateTimeUtc());

    public Task PostponeReportAsync(string sid, Instant now) => database.AsQueueAsync(
        "select sms.postpone_report($1, $2)", Database.Ignore, sid, now.ToDateTimeUtc());
}
