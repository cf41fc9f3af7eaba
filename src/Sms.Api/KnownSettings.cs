using System.Text.RegularExpressions;

namespace Sms.Api;

/// <summary>All settings whose names are ours. An unknown one ends the program: it was meant to change something.</summary>
public static partial class KnownSettings
{
    private const string Digits = "0123456789";

    /// <summary>Their names; those that end with <c>__</c> are lists, whose members are numbered from 0.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "SMS_DATA_DIR", "SMS_API", "SMS_URLS", "SMS_ADMIN_KEY", "SMS_ADMIN_KEY_FILE", "SMS_PUBLIC_URL", "SMS_PROVIDER", "SMS_CLUSTER_ID",
        "SMS_SERVICE_ID", "SMS_SILO_PORT", "SMS_GATEWAY_PORT", "SMS_PG_BIN", "SMS_PG_INSTALL",
        "SMS_LISTEN_ADDRESS", "SMS_ADVERTISED_ADDRESS", "SMS_CLUSTER_CERTIFICATE", "SMS_CLUSTER_CERTIFICATE_KEY", "SMS_OPERATIONS_URLS",
        "SMS_LOG_FORMAT",
        "Sms__Retry__Backoff__", "Sms__Retry__Lease", "Sms__Retry__BatchSize", "Sms__Retry__Shards", "Sms__Retry__PollInterval",
        "Sms__Provider__Timeout", "Sms__Provider__MaxConcurrency", "Sms__Provider__LeaveBy", "Sms__Sender__SegmentsPerSecond",
        "Sms__Reconcile__Delays__", "Sms__Retention__Bodies", "Sms__Database__AllowUnsafe", "Sms__Database__MaxConnections",
    ];

    /// <summary>Silos and front-ends know the same names, so that they can share one environment.</summary>
    /// <exception cref="SettingException">A name that begins as ours do is none of them.</exception>
    public static void Require(IConfiguration configuration)
    {
        foreach (var (key, value) in configuration.AsEnumerable())
        {
            var isOurs = key.StartsWith("SMS_", StringComparison.OrdinalIgnoreCase) || key.StartsWith("Sms:", StringComparison.OrdinalIgnoreCase);
            // Without a value it is the part of a file in which others stand.
            if (!isOurs || value is null)
                continue;
            var name = key.Replace(":", "__", StringComparison.Ordinal);
            if (!IsKnown(name))
                throw new SettingException(Fault(name));
        }
    }

    private static bool IsKnown(string name) => Names.Any(known =>
        known.Equals(name, StringComparison.OrdinalIgnoreCase)
        || (known.EndsWith("__", StringComparison.Ordinal) && known.Equals(name.TrimEnd([.. Digits]), StringComparison.OrdinalIgnoreCase))
        // The list itself: whoever reads it says how its members are called.
        || known.Equals($"{name}__", StringComparison.OrdinalIgnoreCase));

    private static string Fault(string name)
    {
        var fault = $"{name}: {UnknownNames.Fault(name, "a setting", Names.Select(n => n.EndsWith("__", StringComparison.Ordinal) ? $"{n}0" : n))}";
        return ServiceLink().IsMatch(name)
            ? $"{fault} Kubernetes sets such names for a service called sms: set enableServiceLinks: false."
            : fault;
    }

    [GeneratedRegex("_(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_[0-9]+_(TCP|UDP).*)?)$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ServiceLink();
}
