using System.Net.Sockets;

namespace Sms.Api;

/// <summary>
/// <c>dotnet Sms.Silo.dll health</c>: asks the program that runs beside it with the same settings whether it is ready,
/// for images that have no HTTP client.
/// </summary>
public static class HealthProbe
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    /// <returns>0: ready; 1: not ready, or nobody answers. One line says which.</returns>
    public static async Task<int> RunAsync()
    {
        ApiSettings settings;
        try
        {
            settings = ApiSettings.Read(new ConfigurationBuilder().AddEnvironmentVariables().Build(), urls: null, isDevelopment: false);
        }
        catch (SettingException e)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 1;
        }

        using var http = new HttpClient { BaseAddress = settings.HealthUrl, Timeout = Patience };
        try
        {
            using var reply = await http.GetAsync(new Uri("/health/ready", UriKind.Relative));
            Console.WriteLine(await reply.Content.ReadAsStringAsync());
            return reply.IsSuccessStatusCode ? 0 : 1;
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or IOException or TaskCanceledException)
        {
            Console.WriteLine($"{settings.HealthUrl}: {e.Message}");
            return 1;
        }
    }
}
