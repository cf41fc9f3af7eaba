using Sms.Benchmarks;
using Sms.Testing.Databases;

// dotnet run -c Release --project tests/Sms.Benchmarks [-- name …]; see README.md there.
await using var server = await PostgresServer.StartAsync(durable: true);
await Acceptance.RunAsync(server, seconds: args.Length > 0 ? int.Parse(args[0], System.Globalization.CultureInfo.InvariantCulture) : 8, rounds: args.Length > 1 ? int.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture) : 3);
