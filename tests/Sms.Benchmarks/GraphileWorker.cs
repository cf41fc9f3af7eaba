using System.Diagnostics;
using System.Globalization;
using Sms.Testing.Databases;

namespace Sms.Benchmarks;

/// <summary>
/// The peer: Graphile Worker, tuned (a local queue of 500, completions in batches, 32 jobs at once), fetched from npm into
/// a folder that is deleted. Each job makes the same POST and leaves the same record: the message's row with its outcome, and
/// the attempt's with the decision, written once and after the POST (the program writes it before, so that a crash doubles nothing).
/// </summary>
internal sealed class GraphileWorker : IAsyncDisposable
{
    private const string Version = "0.17.3";

    private readonly string _folder;

    private GraphileWorker(string folder) => _folder = folder;

    /// <returns>Null, and a loud line: there is no npm, or it has no registry.</returns>
    public static async Task<GraphileWorker?> FetchAsync()
    {
        var folder = Directory.CreateTempSubdirectory("sms-graphile-").FullName;
        try
        {
            using var npm = Start("npm", folder, ["install", "--no-audit", "--no-fund", "--loglevel=error", $"graphile-worker@{Version}", "pg@8"]);
            var errors = await npm.StandardError.ReadToEndAsync();
            await npm.WaitForExitAsync();
            if (npm.ExitCode == 0)
            {
                await File.WriteAllTextAsync(Path.Combine(folder, "drain.js"), Script);
                return new GraphileWorker(folder);
            }

            Console.Error.WriteLine($"NOT COMPARED WITH GRAPHILE WORKER: npm could not fetch it: {errors}");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Console.Error.WriteLine("NOT COMPARED WITH GRAPHILE WORKER: there is no npm here.");
        }

        Directory.Delete(folder, recursive: true);
        return null;
    }

    /// <summary>Makes a message and a job for each of so many texts, and drains them.</summary>
    /// <returns>Jobs a second, from the worker's start to the last completion.</returns>
    public async Task<double> DrainAsync(TestDatabase database, Guid business, int texts, Uri provider)
    {
        using var node = Start("node", _folder, ["drain.js", ConnectionUrl(database), business.ToString(), $"{texts}", provider.GetLeftPart(UriPartial.Authority), Floor.Decision]);
        var errors = node.StandardError.ReadToEndAsync();
        var output = await node.StandardOutput.ReadToEndAsync();
        await node.WaitForExitAsync();
        return node.ExitCode == 0
            ? texts / double.Parse(output.Trim().Split('\n')[^1], CultureInfo.InvariantCulture)
            : throw new InvalidOperationException($"Graphile Worker: {output}{await errors}");
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    private static string ConnectionUrl(TestDatabase database)
    {
        var to = new Npgsql.NpgsqlConnectionStringBuilder(database.AdminConnectionString);
        return $"postgres://{to.Username}:{Uri.EscapeDataString(to.Password!)}@{to.Host}:{to.Port}/{to.Database}";
    }

    private static Process Start(string program, string folder, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { UseShellExecute = false, WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["NODE_ENV"] = "production";
        start.Environment["NO_LOG_SUCCESS"] = "1";
        return Process.Start(start)!;
    }

    private const string Script = """
        const http = require("http");
        const { randomUUID } = require("crypto");
        const { Pool } = require("pg");
        const { run, runMigrations, Logger } = require("graphile-worker");
        const [url, business, count, provider, decision] = process.argv.slice(2);
        const logger = new Logger(() => (level, text) => { if (level === "error") console.error(text); });
        const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
        const post = form => new Promise((resolve, reject) => {
          const request = http.request(`${provider}/2010-04-01/Accounts/AC00000000000000000000000000000000/Messages.json`, {
            method: "POST", agent, headers: { "Content-Type": "application/x-www-form-urlencoded", "Content-Length": Buffer.byteLength(form) } }, reply => {
            let body = "";
            reply.setEncoding("utf8");
            reply.on("data", part => { body += part; });
            reply.on("end", () => reply.statusCode === 201 ? resolve(JSON.parse(body)) : reject(new Error(`HTTP ${reply.statusCode}`)));
          });
          request.on("error", reject);
          request.end(form);
        });
        let sent = 0;
        const sendText = async ({ id, to, body }, helpers) => {
          const [attempt, started] = [randomUUID(), new Date()];
          const { sid } = await post(new URLSearchParams({ To: to, From: "+15005550006", Body: body, StatusCallback: `http://127.0.0.1/webhooks/twilio/status?attempt=${attempt}` }).toString());
          await helpers.withPgClient(client => client.query({ name: "settle", values: [id, sid, attempt, started], text: `
            with sent as (
              update send_logs set status = 'sent', provider_message_id = jsonb_build_object('twilio_sid', $2::text), sent_at = now(), attempt_count = 1
              where id = $1 returning id, business_id, customer_id, decision)
            insert into sms.attempts (id, message_id, business_id, customer_id, number, owner, sender, state, started_at, leave_by, ended_at, decision, twilio_sid, sent_n)
            select $3, id, business_id, customer_id, 1, 'worker', '+15005550006', 'accepted', $4, $4::timestamptz + interval '10 s', now(), decision, $2, nextval('sms.event_order')
            from sent` }));
          sent++;
        };
        (async () => {
          const pgPool = new Pool({ connectionString: url, max: 20 });
          pgPool.on("error", () => {});
          const preset = { worker: { localQueue: { size: 500 }, completeJobBatchDelay: 50, failJobBatchDelay: 50, concurrentJobs: 32 } };
          await runMigrations({ pgPool, logger, preset });
          await pgPool.query(`
            with texts as (
              insert into send_logs (business_id, customer_id, status, channel, to_phone, body, category, encoding, segments, max_attempts, decision)
              select c.business_id, c.id, 'pending', 'sms', c.phone_e164, 'Hello, your technician is on the way, number ' || n, 'transactional', 'gsm7', 1, 3, $3
              from generate_series(1, $2::int) n
              join (select c.*, row_number() over () as place, count(*) over () as places from customers c where c.business_id = $1) c on c.place = 1 + n % c.places
              returning id, to_phone, body)
            select count(graphile_worker.add_job('sendText', json_build_object('id', id, 'to', to_phone, 'body', body))) from texts`, [business, count, decision]);
          await pgPool.query("vacuum analyze");
          const started = process.hrtime.bigint();
          const runner = await run({ pgPool, logger, preset, taskList: { sendText }, noHandleSignals: true });
          while (sent < count || (await pgPool.query("select 1 from graphile_worker._private_jobs limit 1")).rowCount > 0)
            await new Promise(next => setTimeout(next, 20));
          const seconds = Number(process.hrtime.bigint() - started) / 1e9;
          const { rows } = await pgPool.query("select count(*)::int as n from send_logs where business_id = $1 and status = 'pending'", [business]);
          await runner.stop();
          await pgPool.end();
          if (rows[0].n > 0) throw new Error(`${rows[0].n} texts were not sent`);
          console.log(seconds);
          process.exit(0);
        })().catch(error => { console.error(error); process.exit(1); });
        """;
}
