using Sms.Contracts;
using Sms.Domain.Places;
using Sms.Domain.Sending;
using Sms.Ports;

namespace Sms;

/// <summary>A stored business, read. Others may have written there what is no setting or no time zone: it has the default then, and a fault.</summary>
/// <param name="Stored">As the database has it.</param>
/// <param name="Own">What could be read of its settings, as they are set.</param>
/// <param name="Settings">The same in force: within the admin's ceilings.</param>
/// <param name="Zone">A tz id.</param>
/// <param name="Faults">Member to what is wrong with it. While there are any, nothing is sent: the rules would not be the business's.</param>
internal sealed record KnownBusiness(
    StoredBusiness Stored, BusinessSettings Own, BusinessSettings Settings, string Zone, IReadOnlyDictionary<string, string[]> Faults)
{
    public static KnownBusiness Of(StoredBusiness stored)
    {
        var own = BusinessSettingsJson.Read(stored.Settings ?? "{}", out var faults);
        if (stored.Settings is null)
            faults["settings"] = ["are longer than 64 KB"];
        var settings = own.InForce();
        var zone = stored.Timezone ?? BusinessCalendar.DefaultZone;
        if (RecipientPlace.AllZones.GetZoneOrNull(zone) is not null)
            return new KnownBusiness(stored, own, settings, zone, faults);
        faults["timezone"] = [$"'{zone}' is no time zone of the tz database"];
        return new KnownBusiness(stored, own, settings, BusinessCalendar.DefaultZone, faults);
    }

    /// <summary>Why nothing is sent, in one sentence; null: nothing is wrong.</summary>
    public string? Fault => Faults.Count == 0
        ? null
        : string.Join("; ", Faults.OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => $"{f.Key}: {f.Value[0].TrimEnd('.')}")) + ".";

    /// <summary>Who its texts come from; null: nobody is configured, or its own sender is not allowed.</summary>
    /// <param name="installation">The sender of businesses that name none.</param>
    public Sender? SenderOr(Sender? installation) => Settings.SenderKey is null ? installation
        : Settings.IsSenderAllowed(installation?.Key) ? new Sender(Settings.SenderFrom, Settings.SenderMessagingServiceSid)
        : null;

    /// <summary>Why nothing is sent for the business, whatever it is; null: nothing stands against it.</summary>
    /// <param name="installation">The sender of businesses that name none.</param>
    public Refusal? BarredBy(Sender? installation) =>
        Fault is { } fault ? new Refusal("settings_unreadable", fault)
        : Settings.IsSenderAllowed(installation?.Key) ? null
        : Refusals.SenderNotAllowed;

    /// <summary>Whether what waits for the other would wait in the same way for this one: by the same hours, pace, limit and pause.</summary>
    public bool PlansLike(KnownBusiness other) => DealsLike(other)
        && string.Equals(Zone, other.Zone, StringComparison.Ordinal)
        && Settings.DailySegmentLimit == other.Settings.DailySegmentLimit
        && Settings.Paused == other.Settings.Paused
        && Settings.QuietHoursPolicy == other.Settings.QuietHoursPolicy
        && Settings.QuietHours.Equals(other.Settings.QuietHours);

    /// <summary>Whether slots of the pace that the other dealt hold for this one.</summary>
    public bool DealsLike(KnownBusiness other) => Nullable.Equals(Settings.SegmentsPerSecond, other.Settings.SegmentsPerSecond);

    /// <param name="installation">The sender of businesses that name none.</param>
    public BusinessView View(Sender? installation) => new()
    {
        Id = Stored.Id,
        Name = Stored.Name,
        Timezone = Stored.Timezone ?? BusinessCalendar.DefaultZone,
        Settings = BusinessSettingsJson.Write(Settings),
        Fault = BarredBy(installation)?.Detail,
    };
}
