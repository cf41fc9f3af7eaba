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

    private const string Operations = "SMS_OPERATIONS_URLS";

    private const string DefaultUrl = "http://127.0.0.1:5080";

    /// <summary>Where this machine asks for health.</summary>
    public Uri HealthUrl => new(Concrete(OperationsUrls.Count > 0 ? OperationsUrls[0] : Urls[0]));

    /// <summary>The shared key with which the provider signs, where a rule of the account says so; null: none was given.</summary>
    public string? WebhookSharedKey { get; init; }

    /// <summary>Where health and metrics listen, and nothing else; empty: where the API does.</summary>
    public IReadOnlyList<string> OperationsUrls { get; init; } = [];

    /// <summary>Null: silos and front-ends trust whoever reaches them.</summary>
    public ClusterCertificate? ClusterCertificate { get; init; }

    /// <summary>Whether the operator said where to listen.</summary>
    public bool HasUrls { get; init; }

    /// <param name="configuration">All settings.</param>
    /// <param name="urls">Where the API listens, as the command line says; null: it does not.</param>
    /// <param name="isDevelopment">Whether a provider that is not set may be the simulator.</param>
    /// <exception cref="SettingException">A setting has a wrong value.</exception>
    public static ApiSettings Read(IConfiguration configuration, string? urls, bool isDevelopment)
    {
        var reader = new SettingsReader(configuration);
        // What the environment says of ASP.NET's own setting is not ours.
        var (name, given) = urls is null ? ("SMS_URLS", reader.Text("SMS_URLS")) : ("--urls", urls);
        var listen = Listeners(name, given ?? DefaultUrl);

        var key = reader.Secret("SMS_ADMIN_KEY");
        if (key is { Length: < ApiOptions.LeastKeyLength })
            throw SettingsReader.Wrong("SMS_ADMIN_KEY", $"must have at least {ApiOptions.LeastKeyLength} characters");
        return new ApiSettings(
            reader.Secret("ConnectionStrings__Sms"),
            listen,
            reader.Url("SMS_PUBLIC_URL") ?? new Uri(Concrete(listen[0])),
            key,
            ReadTokens(reader, isDevelopment),
            reader.Text("SMS_CLUSTER_ID") ?? "sms",
            reader.Text("SMS_SERVICE_ID") ?? "sms")
        {
            HasUrls = given is not null,
            OperationsUrls = ReadOperationsUrls(reader, listen),
            ClusterCertificate = ClusterCertificate.Read(reader, TimeProvider.System.GetUtcNow()),
            WebhookSharedKey = reader.Text("TWILIO_WEBHOOK_SHARED_KEY"),
        };
    }

    private static string[] ReadOperationsUrls(SettingsReader reader, string[] listen)
    {
        if (reader.Text(Operations) is not { } text)
            return [];
        var urls = Listeners(Operations, text);
        if (urls.Any(u => FreePorts.Address(u).Port == 0))
            throw SettingsReader.Wrong(Operations, "must name its port");
        var ports = listen.Select(u => FreePorts.Address(u).Port).ToHashSet();
        return urls.All(u => ports.Contains(FreePorts.Address(u).Port)) ? []
            : urls.Any(u => ports.Contains(FreePorts.Address(u).Port)) ? throw SettingsReader.Wrong(Operations, "must have ports of their own, or be those of the API")
            : urls;
    }

    private static string[] Listeners(string name, string urls)
    {
        var listen = urls.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        // Kestrel knows hosts that are no host names: *, + and [::].
        return listen.Length > 0 && listen.All(u =>
            Uri.TryCreate(Concrete(u), UriKind.Absolute, out var parsed) && parsed is { Scheme: "http" or "https", PathAndQuery: "/" })
            ? listen
            : throw SettingsReader.Wrong(name, "must be one or more http or https URLs without a path, separated by semicolons");
    }

    private static List<string> ReadTokens(SettingsReader reader, bool isDevelopment)
    {
        List<string> own = [.. new[] { reader.Secret("TWILIO_AUTH_TOKEN"), reader.Text("TWILIO_AUTH_TOKEN_SECONDARY") }.OfType<string>()];
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
