using System.Runtime.CompilerServices;
using Sms.Testing.Processes;

[assembly: AssemblyFixture(typeof(Sms.Integration.Tests.Operations.ApiDescription))]

namespace Sms.Integration.Tests.Operations;

/// <summary>What a front-end says of itself; it needs no cluster for that.</summary>
public sealed class ApiDescription : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private Task<SiloProcess>? _frontEnd;

    /// <summary>The folder that holds the solution.</summary>
    public static string Root([CallerFilePath] string path = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, "../../.."));

    public async Task<string> GetAsync(string path)
    {
        Task<SiloProcess> frontEnd;
        lock (_gate)
            frontEnd = _frontEnd ??= StartAsync();
        return await (await frontEnd).Http.GetStringAsync(new Uri(path, UriKind.Relative));
    }

    public async ValueTask DisposeAsync()
    {
        if (_frontEnd is not null)
            await (await _frontEnd).DisposeAsync();
    }

    private static async Task<SiloProcess> StartAsync()
    {
        var frontEnd = SiloProcess.Launch(
            new Dictionary<string, string>(StringComparer.Ordinal)
            {
                // Nothing listens on port 1.
                ["ConnectionStrings__Sms"] = "Host=127.0.0.1;Port=1;Database=none;Username=nobody",
                ["SMS_ADMIN_KEY"] = "an-admin-key-of-no-cluster",
            },
            "Sms.Api");
        for (var n = 0; n < 600 && !frontEnd.HasExited; n++)
        {
            try
            {
                using var live = await frontEnd.Http.GetAsync(new Uri("/health/live", UriKind.Relative));
                return frontEnd;
            }
            catch (HttpRequestException)
            {
                await Task.Delay(100);
            }
        }

        await frontEnd.DisposeAsync();
        throw new InvalidOperationException($"The front-end does not listen:\n{frontEnd.Output}");
    }
}
