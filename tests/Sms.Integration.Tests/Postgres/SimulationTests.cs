using System.Globalization;
using NodaTime;
using Npgsql;
using Sms.Dispatch;
using Sms.Domain.Attempts;
using Sms.Domain.Sending;
using Sms.Ports;
using Sms.Silo.Postgres;
using Sms.Testing;

namespace Sms.Integration.Tests.Postgres;

/// <summary>
/// The state machines of the queue and of the attempt, in PostgreSQL itself, against a model: random interleavings of
/// workers that die, a provider that breaks, lost, late and repeated callbacks, look-ups, people and time. SIM_SEEDS says
/// how many seeds, SIM_SEED replays one; see tests/README.md.
/// </summary>
public sealed class SimulationTests : DatabaseTest
{
    [Fact]
    public async Task No_interleaving_loses_a_message_sends_one_twice_or_leaves_one_open()
    {
        var only = Number("SIM_SEED", -1);
        var (first, count) = only >= 0 ? (only, 1) : (0, Number("SIM_SEEDS", 40));
        var total = new Tally();
        await Parallel.ForEachAsync(Enumerable.Range(first, count), new ParallelOptions { MaxDegreeOfParallelism = 2 }, async (seed, _) =>
        {
            await using var connection = await ConnectAsync();
            // Nothing of a seed stays: the next one finds the database as this one did.
            await using var transaction = await connection.BeginTransactionAsync(CancellationToken.None);
            var world = new World(connection, new Random(seed), Now);
            try
            {
                await world.RunAsync();
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"SIM_SEED={seed} replays it: {e.Message}\n{string.Join('\n', world.Log)}", e);
            }

            lock (total)
                total.Add(world.Tally);
        });
        Figures.Print($"simulation: {count} seeds from {first}: {total}");
        Assert.True(only >= 0 || (total.Crashes > 0 && total.Unknown > 0 && total.Requeued > 0 && total.Callbacks > 0), total.ToString());
    }

    private static int Number(string name, int fallback) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var value) ? value : fallback;

    private sealed class Tally
    {
        public int Steps, Messages, Texted, Crashes, Unknown, Requeued, Callbacks, Failed, Cancelled;

        public void Add(Tally o)
        {
            (Steps, Messages, Texted) = (Steps + o.Steps, Messages + o.Messages, Texted + o.Texted);
            (Crashes, Unknown, Requeued) = (Crashes + o.Crashes, Unknown + o.Unknown, Requeued + o.Requeued);
            (Callbacks, Failed, Cancelled) = (Callbacks + o.Callbacks, Failed + o.Failed, Cancelled + o.Cancelled);
        }

        public override string ToString() =>
            $"lost 0, twice 0, open 0; steps {Steps}, messages {Messages}, texted {Texted}, failed {Failed}, cancelled {Cancelled}, crashes {Crashes}, unknown {Unknown}, sent again after a look-up {Requeued}, callbacks {Callbacks}";
    }

    /// <summary>A request for a message in some worker's hands.</summary>
    private sealed record Flight(int Worker, Guid Attempt, Guid Message, Instant LeaveBy)
    {
        public bool HasLeft { get; set; }
        public string? Outcome { get; set; }
        public string? Sid { get; set; }
    }

    /// <summary>A request that left: the provider takes it then, whoever still waits for the reply.</summary>
    private sealed record OnTheWire(Flight Flight, Instant TakenAt);

    private sealed class Text(Guid attempt, Guid message, string sid, string to, Instant at)
    {
        public Guid Attempt => attempt;
        public Guid Message => message;
        public string Sid => sid;
        public string To => to;
        public Instant At => at;
        public List<string> Reports { get; } = [];
    }

    private sealed class World(NpgsqlConnection connection, Random dice, Instant start)
    {
        private const int Workers = 2;
        private static readonly Duration Timeout = Duration.FromSeconds(35);
        private static readonly Duration LeaveBy = Duration.FromSeconds(10);
        private static readonly Duration Lease = Duration.FromSeconds(20);
        private static readonly TimeSpan[] Delays = [TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(10)];

        private readonly string[] _phones = ["+15125550101", "+15125550102", "+15125550103"];
        private readonly Dictionary<Guid, (int Customer, int Retries, int TextedBefore, string Status)> _messages = [];
        private readonly List<(int Worker, DueRow Row)> _claims = [];
        private readonly List<Flight> _flights = [];
        private readonly List<OnTheWire> _wire = [];
        private readonly List<Text> _texts = [];
        private readonly int[] _generation = new int[Workers];
        private Guid[] _customers = [];
        private Guid _business;
        private Instant _now = start;
        private Instant _acceptedAt = start;
        private bool _isCalm;

        public List<string> Log { get; } = [];
        public Tally Tally { get; } = new();

        public async Task RunAsync()
        {
            _business = NewId();
            await AskAsync<string>("select set_config('sms.business_ids', $1, true)", $"{_business}");
            _customers = [.. _phones.Select(_ => NewId())];
            await AskAsync<Guid>("insert into businesses (id, name) values ($1, 'Fox & Sons') returning id", _business);
            await AskAsync<Guid>("insert into customers (id, business_id, phone, phone_e164) select i, $2, p, p from unnest($1, $3) c (i, p) returning id", _customers, _business, _phones);
            for (var step = 0; step < 60; step++)
            {
                Tally.Steps++;
                await StepAsync(dice.Next(100));
                await CheckAsync();
            }

            // All is well from now on: workers live, the provider takes what it gets and says so.
            _isCalm = true;
            for (var round = 0; round < 60 && await OpenAsync() > 0; round++)
            {
                await PassAsync(Duration.FromSeconds(round < 5 ? 10 : 60));
                foreach (var text in _texts.ToList())
                    await ReportAsync(text, "delivered");
                await RecoverAsync();
                await LookUpAsync();
                await ClaimAsync(0);
                while (_claims.Count > 0)
                    await BeginAsync();
                foreach (var flight in _flights.Where(f => !f.HasLeft).ToList())
                    await LeaveAsync(flight);
                await PassAsync(Duration.Zero);
                foreach (var flight in _flights.ToList())
                    await SettleAsync(flight);
                await CheckAsync();
            }

            Require(await OpenAsync() == 0, "a message stays open");
            foreach (var (id, message) in _messages)
            {
                var texted = _texts.Count(t => t.Message == id);
                Require(texted > 0 || message.Status is "failed" or "cancelled", $"{id} is lost: {message.Status}");
                Require(texted > message.TextedBefore || message.Status is "failed" or "cancelled", $"{id} was retried by hand and is not texted");
                Require(message.Status is "delivered" or "cancelled" || !_texts.Exists(t => t.Message == id && t.Reports.Contains("delivered")),
                    $"{id} was reported as delivered and is {message.Status}");
                Tally.Failed += message.Status is "failed" ? 1 : 0;
                Tally.Cancelled += message.Status is "cancelled" ? 1 : 0;
            }

            (Tally.Messages, Tally.Texted) = (_messages.Count, _texts.Count);
        }

        private Task StepAsync(int draw) => draw switch
        {
            < 18 => AcceptAsync(),
            < 30 => ClaimAsync(dice.Next(Workers)),
            < 46 => BeginAsync(),
            < 60 => LeaveAsync(Any(_flights.Where(f => !f.HasLeft))),
            < 70 => SettleAsync(Any(_flights)),
            < 75 => CrashAsync(dice.Next(Workers)),
            < 82 => ReportAsync(Any(_texts), dice.Next(3) switch { 0 => "sent", 1 => "delivered", _ => "undelivered" }),
            < 86 => RecoverAsync(),
            < 89 => LookUpAsync(),
            < 91 => RenewAsync(),
            < 93 => CancelAsync(),
            < 95 => RetryAsync(),
            < 96 => ReplanAsync(),
            _ => PassAsync(Duration.FromSeconds(dice.Next(4) switch { 0 => 1, 1 => 6, 2 => 25, _ => 130 })),
        };

        private async Task AcceptAsync()
        {
            var customer = dice.Next(_phones.Length);
            _acceptedAt = Instant.Max(_now, _acceptedAt + Duration.FromMilliseconds(1));
            var worker = dice.Next(Workers);
            var message = Samples.Message(_business, _customers[customer], _acceptedAt) with
            {
                Id = NewId(),
                To = Sms.Domain.Phones.PhoneNumber.FromE164(_phones[customer]),
                Category = dice.Next(4) == 0 ? Category.Otp : Category.Transactional,
                ScheduledFor = dice.Next(4) == 0 ? _acceptedAt + Duration.FromSeconds(dice.Next(60)) : null,
                MaxAttempts = 4,
            };
            // The text is the message's own: so a look-up can tell it from all others.
            message = message with { Body = message.Id.ToString("N") };
            if (message.ScheduledFor is null && dice.Next(2) == 0)
                message = message with { Claim = new NewClaim(NewId(), _now + Lease) };
            var placed = await AskAsync<string>("select placed from sms.accept_messages($1)", Rows.Json([Rows.Of(message)]));
            _messages[message.Id] = (customer, 0, 0, "pending");
            if (dice.Next(4) == 0)
            {
                // The answer was lost and the call is made again: the first counts, and its claim is given up.
                Require(await AskAsync<string>("select placed from sms.accept_messages($1)", Rows.Json([Rows.Of(message with { Claim = null })])) == "duplicate", "accepted twice");
            }
            else if (message.Claim is { } claim && placed == "stored")
            {
                _claims.Add((worker, new DueRow(_business, new(
                    message.Id, claim.LeaseToken, message.Id, _customers[customer], message.Category.Lane(), default, default, null, 0, null))));
            }
        }

        private async Task ClaimAsync(int worker)
        {
            foreach (var row in await ListAsync(
                "select id, lease_token, send_log_id, customer_id, lane from public.claim_due_sms_retries($1, $2, $3)",
                r => new DueRow(_business, new(r.GetGuid(0), r.GetGuid(1), r.GetGuid(2), r.GetGuid(3), r.GetInt16(4), default, default, null, 0, null)),
                _isCalm ? 50 : dice.Next(1, 4), Lease.ToTimeSpan(), At(_now)))
            {
                _claims.Add((worker, row));
            }
        }

        private async Task BeginAsync()
        {
            if (_claims.Count == 0)
                return;
            var (worker, claim) = _claims[dice.Next(_claims.Count)];
            _claims.Remove((worker, claim));
            if (!_isCalm && dice.Next(6) == 0)
            {
                await AskAsync<Guid>("select * from sms.release_claims($1)", Rows.Json([Rows.Of(Samples.Release(claim, dice.Next(2) == 0 ? "defer" : "unclaim", _now))]));
                return;
            }

            var attempt = NewAttempt(worker);
            var begin = Samples.Begin(claim, _now) with { Attempt = attempt };
            var outcome = await AskAsync<string>("select outcome from sms.begin_attempts($1)", Rows.Json([Rows.Of(begin)]));
            Log.Add($"{_now} begin {claim.Row.MessageId}: {outcome}");
            if (outcome == "begun")
                _flights.Add(new Flight(worker, attempt.Id, claim.Row.MessageId, attempt.LeaveBy));
            else if (outcome == "blocked")
                await AskAsync<Guid>("select * from sms.release_claims($1)", Rows.Json([Rows.Of(Samples.Release(claim, "unclaim", _now) with { ScheduledFor = _now })]));
        }

        private Task LeaveAsync(Flight? flight)
        {
            if (flight is null)
                return Task.CompletedTask;
            flight.HasLeft = true;
            if (_now > flight.LeaveBy)
            {
                flight.Outcome = "defer";
                return Task.CompletedTask;
            }

            // What the provider does, and what the worker learns of it.
            var draw = _isCalm ? 0 : dice.Next(10);
            flight.Outcome = draw switch { < 4 => "accepted", 4 => "retry", 5 => "defer", 6 => "failed", _ => "unknown" };
            if (draw is < 4 or 8 or 9)
            {
                flight.Sid = $"SM{flight.Attempt:N}";
                _wire.Add(new OnTheWire(flight, draw == 9 ? _now + Duration.FromSeconds(dice.Next(35)) : _now));
            }

            Log.Add($"{_now} {flight.Message} leaves: {flight.Outcome}, {(flight.Sid is null ? "not taken" : "taken")}");
            return PassAsync(Duration.Zero);
        }

        private Task SettleAsync(Flight? flight)
        {
            if (flight is null || !flight.HasLeft)
                return Task.CompletedTask;
            _flights.Remove(flight);
            return SettleAsync(flight, flight.Outcome!);
        }

        private async Task SettleAsync(Flight flight, string outcome)
        {
            Tally.Unknown += outcome == "unknown" ? 1 : 0;
            var settled = Samples.Settle(_business, flight.Attempt, outcome, _now) with { TwilioSid = outcome == "accepted" ? flight.Sid : null };
            await AskAsync<bool>("select applied from sms.settle_attempts($1)", Rows.Json([Rows.Of(settled)]));
        }

        /// <summary>kill -9: what the worker had in hand is forgotten; what is on the wire is not called back.</summary>
        private Task CrashAsync(int worker)
        {
            Tally.Crashes++;
            _generation[worker]++;
            _claims.RemoveAll(c => c.Worker == worker);
            _flights.RemoveAll(f => f.Worker == worker);
            Log.Add($"{_now} worker {worker} dies");
            return Task.CompletedTask;
        }

        private async Task ReportAsync(Text? text, string word)
        {
            if (text is null)
                return;
            // The provider says one end only, but in any order and as often as it likes.
            if (word != "sent")
                word = text.Reports.Find(r => r != "sent") ?? word;
            text.Reports.Add(word);
            Tally.Callbacks++;
            var report = new
            {
                N = 0,
                AttemptId = text.Attempt,
                text.Sid,
                Status = word,
                MovesTo = word is "undelivered" ? "failed" : word,
                Rank = word is "sent" ? 4 : 5,
                ErrorClass = word is "undelivered" ? "transient" : null,
                At = _now.ToDateTimeOffset(),
                CheckAt = (_now + Duration.FromMinutes(10)).ToDateTimeOffset(),
            };
            await AskAsync<string>("select outcome from sms.apply_callbacks($1)", Rows.Json([report]));
        }

        private async Task RecoverAsync()
        {
            var alive = Enumerable.Range(0, Workers).Select(Owner).ToArray();
            await ListAsync("select * from sms.expire_attempts($1, $2, $3, $4, $5)", r => r.GetGuid(0),
                At(_now - Timeout - Duration.FromSeconds(15)), At(_now), At(_now + Duration.FromSeconds(30)), At(_now - Duration.FromSeconds(5)), alive);
            await ListAsync("select id from public.recover_stuck_sms_retries(0, $1)", r => r.GetGuid(0), At(_now));
        }

        private Task<List<Guid>> RenewAsync() => ListAsync(
            "select * from sms.renew_leases($1, $2, $3)", r => r.GetGuid(0),
            _claims.Select(c => c.Row.Row.QueueId).ToArray(), _claims.Select(c => c.Row.Row.LeaseToken).ToArray(), At(_now + Lease));

        private async Task LookUpAsync()
        {
            var due = await ListAsync("select attempt_id, to_phone, body, sender, started_at, unknown_at from sms.claim_lookups($1, $2, $3)",
                r => new UnknownAttempt(r.GetGuid(0), r.GetString(1), r.GetString(2), r.GetString(3), r.Instant(4)!.Value, r.Instant(5)!.Value),
                32, At(_now), At(_now + Duration.FromMinutes(3)));
            foreach (var attempt in due)
            {
                if (!_isCalm && dice.Next(4) == 0)
                {
                    await AskAsync<string>("select sms.postpone_lookup($1, $2)::text", attempt.Id, At(_now + Duration.FromSeconds(30)));
                    continue;
                }

                var sids = SentMatch.Of(attempt, _texts.Select(t => new ProviderMessage(t.Sid, t.To, "+15005550006", null, t.Message.ToString("N"), t.At, "sent", null)));
                var plan = LookupPlan.After(attempt.UnknownAt, _now, Delays);
                var verdict = await AskAsync<string>("select sms.settle_lookup($1, $2, $3, $4, $5, $6)",
                    attempt.Id, sids.ToArray(), plan.IsFinal, At(plan.Next), At(_now + Duration.FromMinutes(10)), At(_now));
                Log.Add($"{_now} look-up of {attempt.Body}: {verdict}");
                Tally.Requeued += verdict == "requeued" ? 1 : 0;
            }
        }

        private async Task CancelAsync()
        {
            if (_messages.Count > 0)
                await AskAsync<string>("select outcome from sms.cancel_message($1, $2, $3)", _business, Any(_messages.Keys), At(_now));
        }

        private async Task RetryAsync()
        {
            var id = Any(_messages.Where(m => m.Value.Status == "failed").Select(m => m.Key));
            if (id == Guid.Empty || await AskAsync<string>("select sms.retry_message($1, $2, $3)", _business, id, At(_now)) != "requeued")
                return;
            _messages[id] = _messages[id] with { Retries = _messages[id].Retries + 1, TextedBefore = _texts.Count(t => t.Message == id), Status = "pending" };
            Log.Add($"{_now} {id} is retried by hand");
        }

        private async Task ReplanAsync()
        {
            foreach (var paused in new[] { true, false })
                await AskAsync<Guid?>("select sms.replan($1, $2, true, $3, 5000, '00000000-0000-0000-0000-000000000000')", _business, paused, At(_now));
        }

        private Task PassAsync(Duration duration)
        {
            _now += duration;
            foreach (var request in _wire.Where(w => w.TakenAt <= _now).ToList())
            {
                _wire.Remove(request);
                var flight = request.Flight;
                _texts.Add(new Text(flight.Attempt, flight.Message, flight.Sid!, _phones[_messages[flight.Message].Customer], request.TakenAt));
                Require(_messages[flight.Message].Status != "cancelled", $"{flight.Message} was cancelled and is texted");
                Require(_texts.Count(t => t.Message == flight.Message) <= 1 + _messages[flight.Message].Retries, $"{flight.Message} is texted twice");
            }

            return Task.CompletedTask;
        }

        /// <summary>
        /// One live row and one unsettled attempt a message at most; status moves forward, but for a retry by hand, and for
        /// one that failed until it was told that the provider has it.
        /// </summary>
        private async Task CheckAsync()
        {
            var rows = await ListAsync(
                """
                select l.id, l.status,
                  (select count(*) from sms_retry_queue q where q.send_log_id = l.id and q.status in ('pending', 'processing')),
                  (select count(*) from sms.attempts a where a.message_id = l.id and a.state in ('open', 'unknown'))
                from send_logs l where l.business_id = $1 and l.channel = 'sms'
                """,
                r => (Id: r.GetGuid(0), Status: r.GetString(1), Live: r.GetInt64(2), Unsettled: r.GetInt64(3)), _business);
            Require(rows.Count == _messages.Count, "a message is gone");
            foreach (var row in rows)
            {
                var before = _messages[row.Id].Status;
                Require(row.Live <= 1 && row.Unsettled <= 1, $"{row.Id} has {row.Live} live rows and {row.Unsettled} unsettled attempts");
                Require(row.Status != "pending" || row.Live + row.Unsettled > 0, $"{row.Id} waits for nothing");
                var isTold = before is "failed" && row.Status is "sent" or "delivered" && _texts.Exists(t => t.Message == row.Id);
                Require(Rank(row.Status) > Rank(before) || row.Status == before || isTold, $"{row.Id} goes from {before} to {row.Status}");
                _messages[row.Id] = _messages[row.Id] with { Status = row.Status };
            }
        }

        private async Task<long> OpenAsync() => await AskAsync<long>(
            """
            select (select count(*) from send_logs l where l.business_id = $1 and l.channel = 'sms' and l.status in ('pending', 'sent'))
              + (select count(*) from sms.attempts a where a.business_id = $1 and a.state in ('open', 'unknown'))
            """,
            _business);

        private NewAttempt NewAttempt(int worker) => new(NewId(), Owner(worker), "+15005550006", _now + LeaveBy);

        private string Owner(int worker) => $"worker {worker}.{_generation[worker]}";

        /// <summary>The same ids again for the same seed.</summary>
        private Guid NewId()
        {
            var bytes = new byte[16];
            dice.NextBytes(bytes);
            return new Guid(bytes);
        }

        private T? Any<T>(IEnumerable<T> all) => all.ToList() is { Count: > 0 } list ? list[dice.Next(list.Count)] : default;

        private static int Rank(string status) => status switch { "pending" => 0, "sent" => 1, _ => 2 };

        private static DateTime At(Instant at) => at.ToDateTimeUtc();

        private static void Require(bool holds, string what)
        {
            if (!holds)
                throw new InvalidOperationException(what);
        }

        private async Task<T?> AskAsync<T>(string sql, params object[] parameters) =>
            (await ListAsync(sql, r => r.IsDBNull(0) ? default : r.GetFieldValue<T>(0), parameters)).FirstOrDefault();

        private async Task<List<T>> ListAsync<T>(string sql, Func<NpgsqlDataReader, T> read, params object[] parameters)
        {
            await using var command = new NpgsqlCommand(sql, connection);
            foreach (var parameter in parameters)
                command.Parameters.Add(parameter as NpgsqlParameter ?? new NpgsqlParameter { Value = parameter });
            await using var reader = await command.ExecuteReaderAsync();
            var rows = new List<T>();
            while (await reader.ReadAsync())
                rows.Add(read(reader));
            return rows;
        }
    }
}
