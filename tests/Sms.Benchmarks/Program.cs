using System.Globalization;
using Sms.Benchmarks;
using Sms.Testing.Databases;

// The load, which elsewhere is another machine, should cost little beside the program: its replies are read on the thread
// that learns of them. Set before the first socket; the program is started without it.
Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");

// dotnet run -c Release --project tests/Sms.Benchmarks [-- part … --runs 3 --seconds 5 --messages 1000000 --statements]
var parts = new Dictionary<string, Func<PostgresServer, Load, Task>>(StringComparer.Ordinal)
{
    ["acceptance"] = Acceptance.RunAsync,
    ["drain"] = Drain.RunAsync,
    ["callbacks"] = Callbacks.RunAsync,
    ["end-to-end"] = EndToEnd.RunAsync,
    ["memory"] = Memory.RunAsync,
    ["pure"] = (_, _) => Pure.RunAsync(),
    ["reads"] = Reads.RunAsync,
    ["past"] = WithPast.RunAsync,
    ["past-reads"] = WithPast.RunReadsAsync,
    ["queue"] = (server, _) => QueueAlone.RunAsync(server),
    // Only by name.
    ["short"] = Short.RunAsync,
};
var load = new Load(Option("--runs", 3), TimeSpan.FromSeconds(Option("--seconds", 5)), Option("--messages", 1_000_000));
var named = args.TakeWhile(a => !a.StartsWith("--", StringComparison.Ordinal)).ToArray();
if (named.Where(name => !parts.ContainsKey(name)).ToList() is { Count: > 0 } unknown)
{
    Console.Error.WriteLine($"There is no part {string.Join(", ", unknown)}; there are {string.Join(", ", parts.Keys)}.");
    return 2;
}

foreach (var name in named.Length == 0 ? parts.Keys.Where(p => p is not "short") : named)
{
    await using var server = await PostgresServer.StartAsync(durable: true);
    if (args.Contains("--statements"))
        await Statements.RecordAsync(server);
    await parts[name](server, load);
    if (args.Contains("--statements"))
        await Statements.PrintAsync(server);
}

return 0;

int Option(string name, int otherwise) =>
    Array.IndexOf(args, name) is >= 0 and var at ? int.Parse(args[at + 1], CultureInfo.InvariantCulture) : otherwise;
