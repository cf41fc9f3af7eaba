using Sms.Benchmarks;
using Sms.Testing.Databases;

// dotnet run -c Release --project tests/Sms.Benchmarks [-- part …]
var parts = new Dictionary<string, Func<PostgresServer, Task>>(StringComparer.Ordinal)
{
    ["acceptance"] = server => Acceptance.RunAsync(server, seconds: 8, rounds: 3),
    ["queue"] = QueueAlone.RunAsync,
};
var wanted = args.Length == 0 ? [.. parts.Keys] : args;
if (wanted.Where(name => !parts.ContainsKey(name)).ToList() is { Count: > 0 } unknown)
{
    Console.Error.WriteLine($"There is no part {string.Join(", ", unknown)}; there are {string.Join(", ", parts.Keys)}.");
    return 2;
}

foreach (var name in wanted)
{
    await using var server = await PostgresServer.StartAsync(durable: true);
    await parts[name](server);
}

return 0;
