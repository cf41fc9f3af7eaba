namespace Sms.Api;

/// <summary>The settings that a silo and a front-end share.</summary>
/// <param name="ConnectionString">Null: none was given.</param>
/// <param name="Urls">Where the API listens.</param>
/// <param name="PublicUrl">The URL by which the provider reaches the API.</param>
/// <param name="AdminKey">Null: none was given.</param>
/// <param name="WebhookTokens">The tokens with which the provider signs: TWILIO_AUTH_TOKEN and TWILIO_AUTH_TOKEN_SECONDARY, or the simulator's.</param>
/// <param name="ClusterId">Orleans cluster.</param>
/// <param name="ServiceId">Orleans service.</param>
public sealed record ApiSettings(
    string? ConnectionString, string[] Urls, Uri PublicUrl, string? AdminKey,
    IReadOnlyList<string> WebhookTokens, string ClusterId, string ServiceId)
{
    /// <summary>With this the simulator signs. Not a secret: it is accepted only where the simulator is the provider.</summary>
    public const string SimulatorToken = "simulator";

    private const string DefaultUrl = "http://127.0.0.1:5080";

    /// <summary>Where this machine reaches the first of <see cref="Urls"/>.</summary>
    public Uri LocalUrl => new(Concrete(Urls[0]));

    /// <summary>The shared key with which the provider signs, where a rule of the account says so; null: none was given.</summary>
    public string? WebhookSharedKey { get; init; }

    /// <summary>Whether the operator said where to listen.</summary>
    public bool HasUrls { get; init; }

    /// <param name="configuration">All settings.</param>
    /// <param name="args">The command line.</param>
    /// <param name="isDevelopment">Whether a provider that is not set may be the simulator.</param>
    /// <exception cref="SettingException">A setting has a wrong value.</exception>
    public static ApiSettings Read(IConfiguration configuration, string[] args, bool isDevelopment)
    {
        var reader = new SettingsReader(configuration);
        // --urls on the command line is the nearest word; what the environment says of ASP.NET's own setting is not ours.
        var name = args.Any(a => a.TrimStart('-').StartsWith("urls", StringComparison.OrdinalIgnoreCase)) ? "urls" : "SMS_URLS";
        var urls = (reader.Text(name) ?? DefaultUrl).Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        // Kestrel knows hosts that are no host names: *, + and [::].
        if (urls.Length == 0 || urls.Any(u =>
            !Uri.TryCreate(Concrete(u), UriKind.Absolute, out var parsed) || parsed is not { Scheme: "http" or "https", PathAndQuery: "/" }))
        {
            throw SettingsReader.Wrong(name, "must be one or more http or https URLs without a path, separated by semicolons");
        }

        var key = reader.Text("SMS_ADMIN_KEY");
        if (key is { Length: < ApiOptions.LeastKeyLength })
            throw SettingsReader.Wrong("SMS_ADMIN_KEY", $"must have at least {ApiOptions.LeastKeyLength} characters");
        return new ApiSettings(
            reader.Text("ConnectionStrings__Sms"),
            urls,
            reader.Url("SMS_PUBLIC_URL") ?? new Uri(Concrete(urls[0])),
            key,
            ReadTokens(reader, isDevelopment),
            reader.Text("SMS_CLUSTER_ID") ?? "sms",
            reader.Text("SMS_SERVICE_ID") ?? "sms")
        {
            HasUrls = reader.Text(name) is not null,
            WebhookSharedKey = reader.Text("TWILIO_WEBHOOK_SHARED_KEY"),
        };
    }

    private static List<string> ReadTokens(SettingsReader reader, bool isDevelopment)
    {
        List<string> own = [.. new[] { reader.Text("TWILIO_AUTH_TOKEN"), reader.Text("TWILIO_AUTH_TOKEN_SECONDARY") }.OfType<string>()];
        return (reader.Word("SMS_PROVIDER", "twilio", "simulator", "disabled") ?? (isDevelopment && own.Count == 0 ? "simulator" : null)) is "simulator"
            ? [SimulatorToken]
            : own;
    }

    private static string Concrete(string url) => url
        .Replace("://*", "://127.0.0.1", StringComparison.Ordinal)
        .Replace("://+", "://127.0.0.1", StringComparison.Ordinal)
        .Replace("://0.0.0.0", "://127.0.0.1", StringComparison.Ordinal)
        .Replace("://[::]", "://127.0.0.1", StringComparison.Ordinal);
}
