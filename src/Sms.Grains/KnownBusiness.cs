using Sms.Contracts;
using Sms.Domain.Places;
using Sms.Domain.Sending;
using Sms.Ports;

namespace Sms;

/// <summary>A stored business, read. Others may have written there what is no setting or no time zone: it has the default then, and a fault.</summary>
/// <param name="Stored">As the database has it.</param>
/// <param name="Settings">What could be read of its settings.</param>
/// <param name="Zone">A tz id.</param>
/// <param name="Faults">Member to what is wrong with it. While there are any, nothing is sent: the rules would not be the business's.</param>
internal sealed record KnownBusiness(StoredBusiness Stored, BusinessSettings Settings, string Zone, IReadOnlyDictionary<string, string[]> Faults)
{
    public static KnownBusiness Of(StoredBusiness stored)
    {
        var settings = BusinessSettingsJson.Read(stored.Settings ?? "{}", out var faults);
        if (stored.Settings is null)
            faults["settings"] = ["are longer than 64 KB"];
        var zone = stored.Timezone ?? BusinessCalendar.DefaultZone;
        if (RecipientPlace.AllZones.GetZoneOrNull(zone) is not null)
            return new KnownBusiness(stored, settings, zone, faults);
        faults["timezone"] = [$"'{zone}' is no time zone of the tz database"];
        return new KnownBusiness(stored, settings, BusinessCalendar.DefaultZone, faults);
    }

    /// <summary>Why nothing is sent, in one sentence; null: nothing is wrong.</summary>
    public string? Fault => Faults.Count == 0
        ? null
        : string.Join("; ", Faults.OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => $"{f.Key}: {f.Value[0].TrimEnd('.')}")) + ".";

    /// <summary>Who its texts come from; null: nobody is configured.</summary>
    /// <param name="fallback">The sender of businesses that name none.</param>
    public Sender? SenderOr(Sender? fallback) =>
        Settings.SenderFrom is not null || Settings.SenderMessagingServiceSid is not null
            ? new Sender(Settings.SenderFrom, Settings.SenderMessagingServiceSid)
            : fallback;

    /// <summary>Whether what waits for the other would wait in the same way for this one: by the same hours, pace, limit and pause.</summary>
    public bool PlansLike(KnownBusiness other) => DealsLike(other)
        && string.Equals(Zone, other.Zone, StringComparison.Ordinal)
        && Settings.DailySegmentLimit == other.Settings.DailySegmentLimit
        && Settings.Paused == other.Settings.Paused
        && Settings.QuietHoursPolicy == other.Settings.QuietHoursPolicy
        && Settings.QuietHours.Equals(other.Settings.QuietHours);

    /// <summary>Whether slots of the pace that the other dealt hold for this one.</summary>
    public bool DealsLike(KnownBusiness other) => Nullable.Equals(Settings.SegmentsPerSecond, other.Settings.SegmentsPerSecond);

    public BusinessView View() => new()
    {
        Id = Stored.Id,
        Name = Stored.Name,
        Timezone = Stored.Timezone ?? BusinessCalendar.DefaultZone,
        Settings = BusinessSettingsJson.Write(Settings),
        Fault = Fault,
    };
}
