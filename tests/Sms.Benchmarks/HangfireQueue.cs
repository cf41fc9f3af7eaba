using System.Diagnostics;
using System.Net.Http.Headers;
using Hangfire;
using Hangfire.PostgreSql;
using Hangfire.PostgreSql.Factories;
using Npgsql;
using Sms.Testing.Databases;

namespace Sms.Benchmarks;

/// <summary>
/// The peer in C#: Hangfire.PostgreSql, in this process, with 16 workers that poll as often as it allows. Each job makes the same
/// POST and writes the outcome to the message's row and its history.
/// </summary>
internal sealed class HangfireQueue : IAsyncDisposable
{
    private const int Clients = 16, Workers = 16;

    private readonly NpgsqlDataSource _database;
    private readonly PostgreSqlStorage _storage;
    private readonly Guid _business;

    public HangfireQueue(TestDatabase database, Guid business, Uri provider)
    {
        var connection = new NpgsqlConnectionStringBuilder(database.AdminConnectionString) { Pooling = true, MaxPoolSize = 50 }.ConnectionString;
        var options = new PostgreSqlStorageOptions { QueuePollInterval = TimeSpan.FromMilliseconds(50), UseSlidingInvisibilityTimeout = true };
        _database = NpgsqlDataSource.Create(connection);
        _storage = new PostgreSqlStorage(new NpgsqlConnectionFactory(connection, options), options);
        _business = business;
        Job.Open(_database, provider);
    }

    /// <returns>Jobs a second: enqueued by 16 threads, then done by 16 workers.</returns>
    public async Task<(double Enqueued, double Done)> RunAsync(int texts)
    {
        var all = new List<(Guid Id, string To, string Body)>();
        await using (var make = _database.CreateCommand("""
            insert into send_logs (business_id, customer_id, status, channel, to_phone, body, category, encoding, segments, max_attempts)
            select c.business_id, c.id, 'pending', 'sms', c.phone_e164, 'Hello, your technician is on the way, number ' || n, 'transactional', 'gsm7', 1, 3
            from generate_series(1, $2) n
            join (select c.*, row_number() over () as place, count(*) over () as places from customers c where c.business_id = $1) c on c.place = 1 + n % c.places
            returning id, to_phone, body
            """))
        {
            make.Parameters.Add(new NpgsqlParameter { Value = _business });
            make.Parameters.Add(new NpgsqlParameter { Value = texts });
            await using var made = await make.ExecuteReaderAsync();
            while (await made.ReadAsync())
                all.Add((made.GetGuid(0), made.GetString(1), made.GetString(2)));
        }

        var client = new BackgroundJobClient(_storage);
        var started = Stopwatch.GetTimestamp();
        // On threads that may be blocked: this one may be the one that reads the sockets.
        await Task.Run(() => Parallel.ForEach(all, new ParallelOptions { MaxDegreeOfParallelism = Clients }, text => client.Enqueue(() => Job.SendAsync(text.Id, _business, text.To, text.Body))));
        var enqueued = texts / Stopwatch.GetElapsedTime(started).TotalSeconds;

        var done = Job.Expect(texts);
        started = Stopwatch.GetTimestamp();
        using var server = new BackgroundJobServer(new BackgroundJobServerOptions { WorkerCount = Workers, ShutdownTimeout = TimeSpan.FromSeconds(5) }, _storage);
        await done;
        return (enqueued, texts / Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    /// <summary>What each job does. Hangfire calls it by its name.</summary>
    internal static class Job
    {
        private static readonly HttpClient Http = new();
        private static NpgsqlDataSource _database = null!;
        private static Uri _provider = null!;
        private static TaskCompletionSource _done = new();
        private static int _left;

        public static void Open(NpgsqlDataSource database, Uri provider) => (_database, _provider) = (database, provider);

        public static Task Expect(int texts)
        {
            _done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Volatile.Write(ref _left, texts);
            return _done.Task;
        }

        public static async Task SendAsync(Guid id, Guid business, string to, string body)
        {
            using var form = new FormUrlEncodedContent([new("To", to), new("From", "+15005550006"), new("Body", body), new("StatusCallback", $"http://127.0.0.1/webhooks/twilio/status?attempt={id}")]);
            form.Headers.ContentType = new MediaTypeHeaderValue("application/x-www-form-urlencoded");
            using var reply = await Http.PostAsync(new Uri(_provider, "/2010-04-01/Accounts/AC00000000000000000000000000000000/Messages.json"), form);
            var sid = System.Text.Json.Nodes.JsonNode.Parse(await reply.Content.ReadAsStringAsync())!["sid"]!.GetValue<string>();
            await using var settle = _database.CreateCommand("""
                with sent as (
                  update send_logs set status = 'sent', provider_message_id = jsonb_build_object('twilio_sid', $2), sent_at = now(), attempt_count = 1
                  where id = $1 returning id)
                insert into sms.message_events (message_id, business_id, at, type, data)
                select id, $3, now(), 'sent', jsonb_build_object('twilioSid', $2) from sent
                """);
            settle.Parameters.Add(new NpgsqlParameter { Value = id });
            settle.Parameters.Add(new NpgsqlParameter { Value = sid, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text });
            settle.Parameters.Add(new NpgsqlParameter { Value = business });
            await settle.ExecuteNonQueryAsync();
            if (Interlocked.Decrement(ref _left) == 0)
                _done.SetResult();
        }
    }
}
