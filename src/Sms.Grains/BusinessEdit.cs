using System.Text.Json;
using Sms.Contracts;
using Sms.Domain.Places;
using Sms.Domain.Sending;
using Sms.Ports;

namespace Sms;

/// <summary>A client's change of a business, laid over the business as it is known.</summary>
/// <param name="Change">What is written: only what is different.</param>
/// <param name="After">The business with it.</param>
/// <param name="NamesPlan">Whether the client names anything that decides when messages may go, different or not.</param>
internal sealed record BusinessEdit(BusinessChange Change, KnownBusiness After, bool NamesPlan)
{
    private static readonly string[] PlanMembers = ["paused", "quietHours", "quietHoursPolicy", "quietHoursProfile", "segmentsPerSecond", "dailySegmentLimit", "maxSegmentsPerSecond", "maxDailySegments"];

    /// <summary>
    /// Reads a change. A member that somebody else wrote and nobody can read is written anew when the client names it, and
    /// stays as it is when not: what was meant is not guessed.
    /// </summary>
    /// <param name="current">The business as it is known.</param>
    /// <param name="command">What the client said.</param>
    /// <param name="installation">The installation's own sender; null: there is none.</param>
    /// <param name="edit">Not to be used when it is refused.</param>
    /// <returns>Why it may not be; null: it may.</returns>
    public static Refusal? Read(KnownBusiness current, ChangeBusiness command, Sender? installation, out BusinessEdit edit)
    {
        edit = new BusinessEdit(new BusinessChange(current.Stored.Id, current.Stored.Version, command.Actor), current, NamesPlan: false);
        if (command.Name is not null && (string.IsNullOrWhiteSpace(command.Name) || command.Name.Length > 200))
            return Refusals.Invalid("name", "must have 1 to 200 characters and not be blank");
        if (command.Timezone is not null && RecipientPlace.AllZones.GetZoneOrNull(command.Timezone) is null)
            return Refusals.InvalidTimezone(command.Timezone);

        using var patch = JsonDocument.Parse(command.Settings ?? "{}");
        var merged = BusinessSettingsJson.Merge(current.Own, patch.RootElement, command.ByAdmin, out var errors);
        var named = patch.RootElement.ValueKind == JsonValueKind.Object ? [.. patch.RootElement.EnumerateObject()] : Array.Empty<JsonProperty>();
        // What is no setting can be taken back where it stands.
        foreach (var member in named.Where(m => m.Value.ValueKind == JsonValueKind.Null && current.Faults.ContainsKey($"settings.{m.Name}")))
            errors.Remove($"settings.{member.Name}");
        // What nobody can read of the admin's is the admin's to mend: whoever takes it back is held to nothing.
        foreach (var member in named.Where(m => !command.ByAdmin && BusinessSettingsJson.IsAdmins(m.Name) && current.Faults.ContainsKey($"settings.{m.Name}")))
            errors[$"settings.{member.Name}"] = [BusinessSettingsJson.AdminsAlone];
        if (errors.Count > 0)
            return new Refusal("validation_failed", "The settings are not valid.") { Errors = errors };

        string[] names = [.. named.Select(m => m.Name)];
        merged = Allowance.Follow(current.Own, merged, names, command.ByAdmin);
        if (Allowance.Exceeded(merged, names, command.ByAdmin, installation?.Key) is { } excess)
            return Refusals.Of(excess);

        edit = new BusinessEdit(
            edit.Change with
            {
                Name = Different(command.Name, current.Stored.Name),
                Timezone = Different(command.Timezone, current.Stored.Timezone),
                Settings = BusinessSettingsJson.Difference(
                    current.Own, merged, all: named.Length > 0 && current.Faults.ContainsKey("settings"),
                    names.Where(n => current.Faults.ContainsKey($"settings.{n}"))),
            },
            current with { Own = merged, Settings = merged.InForce(), Zone = command.Timezone ?? current.Zone },
            command.Timezone is not null || names.Any(n => PlanMembers.Contains(n, StringComparer.Ordinal)));
        return null;
    }

    private static string? Different(string? given, string? stored) => string.Equals(given, stored, StringComparison.Ordinal) ? null : given;
}
