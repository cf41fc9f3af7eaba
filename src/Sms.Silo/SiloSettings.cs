using System.Text.RegularExpressions;
using Sms.Api;
using Sms.Dispatch;
using Sms.Silo.Postgres;
using Sms.Silo.Twilio;

namespace Sms.Silo;

/// <summary>Which provider carries the messages.</summary>
internal enum ProviderKind
{
    Disabled,
    Simulator,
    Twilio,
}

/// <summary>All settings of a silo, checked: what is wrong stops the start with one line that names it.</summary>
internal sealed partial record SiloSettings
{
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    public required ApiSettings Api { get; init; }
    public required bool HasApi { get; init; }

    public required DatabaseSettings Connections { get; init; }
    public required ClusterEndpoints Endpoints { get; init; }
    public required ProviderKind Provider { get; init; }
    public required TwilioOptions Twilio { get; init; }
    public required RetryOptions Retry { get; init; }
    public required DispatchOptions Dispatch { get; init; }
    public required SenderOptions Sender { get; init; }
    public required ReconcileOptions Reconcile { get; init; }
    public required RetentionOptions Retention { get; init; }
    public required DatabaseOptions Database { get; init; }

    /// <summary>Whether this program brings its own PostgreSQL.</summary>
    public bool IsEmbedded => Connections.IsEmbedded;

    /// <param name="configuration">All settings.</param>
    /// <param name="environment">Whether it is Development.</param>
    /// <param name="urls">Where the API listens, as the command line says; null: it does not.</param>
    /// <exception cref="SettingException">A setting has a wrong value.</exception>
    public static SiloSettings Read(IConfiguration configuration, IHostEnvironment environment, string? urls)
    {
        var reader = new SettingsReader(configuration);
        var api = ApiSettings.Read(configuration, urls, environment.IsDevelopment());
        var dispatch = new DispatchOptions
        {
            Timeout = reader.Span("Sms__Provider__Timeout", TimeSpan.FromSeconds(35), TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(10)),
            MaxConcurrency = reader.Whole("Sms__Provider__MaxConcurrency", 64, 1, 10_000),
            LeaveBy = reader.Span("Sms__Provider__LeaveBy", TimeSpan.FromSeconds(10), TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(10)),
        };
        var hasApi = reader.Flag("SMS_API", fallback: true);
        var settings = new SiloSettings
        {
            Api = api,
            HasApi = hasApi,
            Connections = DatabaseSettings.Read(configuration),
            Endpoints = ClusterEndpoints.Read(reader, hasApi),
            Twilio = ReadTwilio(reader, api, dispatch),
            Provider = ProviderKind.Disabled,
            Retry = new RetryOptions
            {
                Backoff = reader.Spans("Sms__Retry__Backoff", TimeSpan.Zero, Day),
                Lease = reader.Span("Sms__Retry__Lease", TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(1), TimeSpan.FromHours(1)),
                BatchSize = reader.Whole("Sms__Retry__BatchSize", 50, 1, 1000),
                Shards = reader.Whole("Sms__Retry__Shards", 4, 1, 64),
                PollInterval = reader.Span("Sms__Retry__PollInterval", TimeSpan.FromSeconds(1), TimeSpan.FromMilliseconds(10), TimeSpan.FromMinutes(1)),
            },
            Dispatch = dispatch,
            Sender = new SenderOptions { SegmentsPerSecond = reader.Number("Sms__Sender__SegmentsPerSecond", 0.001, 100_000) },
            Reconcile = ReadReconcile(reader, dispatch),
            Retention = new RetentionOptions { Bodies = reader.Span("Sms__Retention__Bodies", TimeSpan.FromDays(395), Day, TimeSpan.FromDays(3650)) },
            Database = new DatabaseOptions
            {
                AllowUnsafe = reader.Flag("Sms__Database__AllowUnsafe", fallback: false),
                MaxConnections = reader.Whole("Sms__Database__MaxConnections", 16, 2, 1000),
            },
        };
        if (settings is { IsEmbedded: false, HasApi: true, Api.AdminKey: null })
            throw SettingsReader.Wrong("SMS_ADMIN_KEY", "is required when the database is not the embedded one and SMS_API is on");
        return settings with { Provider = ChooseProvider(reader, settings, environment) };
    }

    private static TwilioOptions ReadTwilio(SettingsReader reader, ApiSettings api, DispatchOptions dispatch) => new()
    {
        AccountSid = Match(reader, "TWILIO_ACCOUNT_SID", AccountPattern(), "must be AC and 32 hexadecimal digits"),
        AuthToken = reader.Secret("TWILIO_AUTH_TOKEN"),
        PhoneNumber = Match(reader, "TWILIO_PHONE_NUMBER", NumberPattern(), "must be an E.164 number or a short code"),
        MessagingServiceSid = Match(reader, "TWILIO_MESSAGING_SERVICE_SID", ServicePattern(), "must be MG and 32 hexadecimal digits"),
        ApiBaseUrl = reader.Url("TWILIO_API_BASE_URL") ?? new Uri("https://api.twilio.com"),
        PublicUrl = api.PublicUrl,
        Timeout = dispatch.Timeout,
        MaxConcurrency = dispatch.MaxConcurrency,
    };

    private static ReconcileOptions ReadReconcile(SettingsReader reader, DispatchOptions dispatch)
    {
        var reconcile = new ReconcileOptions { Delays = reader.Spans("Sms__Reconcile__Delays", TimeSpan.FromMilliseconds(100), Day) };
        // Only then is an attempt that left at the last moment surely visible when it is looked up for the last time.
        return reconcile.Effective[^1] > dispatch.LeaveBy + dispatch.Timeout
            ? reconcile
            : throw SettingsReader.Wrong(
                $"Sms__Reconcile__Delays__{reconcile.Effective.Count - 1}",
                $"must be longer than Sms__Provider__LeaveBy and Sms__Provider__Timeout together ({dispatch.LeaveBy + dispatch.Timeout:c})");
    }

    private static ProviderKind ChooseProvider(SettingsReader reader, SiloSettings settings, IHostEnvironment environment)
    {
        var hasCredentials = settings.Twilio is { AccountSid: not null, AuthToken: not null };
        switch (reader.Word("SMS_PROVIDER", "twilio", "simulator", "disabled"))
        {
            case "disabled":
                return ProviderKind.Disabled;
            case "simulator":
                return ProviderKind.Simulator;
            case null when !hasCredentials && (settings.IsEmbedded || environment.IsDevelopment()):
                return ProviderKind.Simulator;
        }

        if (!hasCredentials)
            return ProviderKind.Disabled;
        return settings.Twilio.PhoneNumber is not null || settings.Twilio.MessagingServiceSid is not null
            ? ProviderKind.Twilio
            : throw SettingsReader.Wrong("TWILIO_PHONE_NUMBER", "or TWILIO_MESSAGING_SERVICE_SID is required to send");
    }

    private static string? Match(SettingsReader reader, string name, Regex pattern, string what) =>
        reader.Text(name) is not { } text ? null : pattern.IsMatch(text) ? text : throw SettingsReader.Wrong(name, what);

    [GeneratedRegex("^AC[0-9a-fA-F]{32}$", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex AccountPattern();

    [GeneratedRegex("^MG[0-9a-fA-F]{32}$", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ServicePattern();

    [GeneratedRegex("^(\\+[1-9][0-9]{6,14}|[0-9]{3,8})$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex NumberPattern();
}
