using System.Text.Json;
using NodaTime;
using NodaTime.Text;
using Sms.Domain.QuietHours;
using Xunit;

namespace Sms.Domain.Tests.QuietHours;

/// <summary>Decisions that another program found by walking through time a minute at a time.</summary>
public sealed class QuietHoursVectorTests
{
    private static readonly JsonElement File = Vectors.Read("quiet-hours.json");

    private static readonly Dictionary<string, WeeklyWindows> Policies =
        File.GetProperty("policies").EnumerateObject()
            .Concat(File.GetProperty("extraPolicies").EnumerateObject())
            .ToDictionary(static policy => policy.Name, static policy => ToWindows(policy.Value), StringComparer.Ordinal);

    [Theory]
    [InlineData("vectors", 230)]
    [InlineData("extra", 109)]
    [InlineData("multiZone", 24)]
    public void Every_decision_agrees(string group, int count)
    {
        var vectors = File.GetProperty(group).EnumerateArray().ToList();
        var mismatches = vectors.SelectMany(Mismatches).ToList();

        Assert.Empty(mismatches);
        Assert.Equal(count, vectors.Count);
    }

    private static IEnumerable<string> Mismatches(JsonElement vector)
    {
        var at = ToInstant(vector.Text("instantUtc"));
        var zones = vector.TryGetProperty("zones", out var several)
            ? several.EnumerateArray().Select(static zone => zone.GetString() ?? "").ToArray()
            : [vector.Text("zone")];

        foreach (var result in vector.GetProperty("results").EnumerateObject())
        {
            var places = zones.Select(zone => new Place(DateTimeZoneProviders.Tzdb[zone], Policies[result.Name])).ToList();
            var decision = QuietHoursRules.Decide(at, places);

            var next = result.Value.GetProperty("nextSendUtc").GetString();
            var agrees = decision.CanSend == result.Value.GetProperty("canSend").GetBoolean()
                && decision.NextSendTime == (next is null ? null : ToInstant(next))
                && ReasonAgrees(result.Value, decision);
            if (!agrees) yield return $"{string.Join('+', zones)} {at} {result.Name}: {decision}";
        }
    }

    // Over several zones the vectors hold no reason.
    private static bool ReasonAgrees(JsonElement result, QuietHoursDecision decision) =>
        result.TryGetProperty("reason", out var reason)
            ? string.Equals(reason.GetString(), decision.Reason?.ToWire(), StringComparison.Ordinal)
            : decision.Reason is null == decision.CanSend;

    private static WeeklyWindows ToWindows(JsonElement policy)
    {
        var days = policy.Deserialize<Dictionary<string, string[]>>() ?? throw new InvalidDataException("No policy.");
        return WeeklyWindows.TryParse(days, out var windows, out var error) ? windows : throw new InvalidDataException(error);
    }

    private static Instant ToInstant(string text) => InstantPattern.ExtendedIso.Parse(text).Value;
}
