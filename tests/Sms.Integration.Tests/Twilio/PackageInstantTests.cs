using System.Globalization;
using System.Net;
using NodaTime;
using NodaTime.Text;
using Sms.Domain.Phones;
using Sms.Integration.Tests.Processes;
using Sms.Ports;
using Xunit;

namespace Sms.Integration.Tests.Twilio;

/// <summary>The package reads instants into the zone of the machine. Alone, since the zone is the whole process's.</summary>
[Collection(nameof(Alone))]
public sealed class PackageInstantTests
{
    private const string Sid = "SM0123456789abcdef0123456789abcdef";

    [Theory]
    [InlineData("Mon, 23 Nov 2026 10:00:00 +0000", "2026-11-23T10:00:00Z")]
    [InlineData("Mon, 23 Nov 2026 10:00:00 GMT", "2026-11-23T10:00:00Z")]
    [InlineData("Mon, 23 Nov 2026 05:00:00 -0500", "2026-11-23T10:00:00Z")]
    [InlineData("2026-11-23T10:00:00Z", "2026-11-23T10:00:00Z")]
    [InlineData("2026-11-23T10:00:00", "2026-11-23T10:00:00Z")]
    [InlineData("Sun, 01 Nov 2026 05:30:00 +0000", "2026-11-01T05:30:00Z")]
    [InlineData("Sun, 01 Nov 2026 06:30:00 +0000", "2026-11-01T06:30:00Z")]
    [InlineData("Sun, 08 Mar 2026 07:30:00 +0000", "2026-03-08T07:30:00Z")]
    public async Task Instants_are_read_alike_in_every_zone_and_culture(string text, string instant)
    {
        var message = $$"""{"sid":"{{Sid}}","to":"+14155550123","body":"Hi","date_created":"{{text}}"}""";
        foreach (var (zone, culture) in new[] { ("UTC", "en-US"), ("America/New_York", "de-DE"), ("Asia/Kolkata", "ar-SA"), ("Pacific/Apia", "th-TH"), ("Europe/Berlin", "fa-IR") })
        {
            using var machine = new Machine(zone, culture);
            await using var rig = await TwilioRig.StartAsync();
            using var replies = new CannedReplies(
                () => CannedReplies.Reply(HttpStatusCode.OK, $$"""{"messages":[{{message}}],"next_page_uri":null}"""),
                () => CannedReplies.Reply(HttpStatusCode.OK, message));
            var provider = rig.ProviderOver(replies);

            var listed = await provider.ListAsync(PhoneNumber.FromE164(TwilioRig.Recipient), Instant.MinValue, CancellationToken.None);
            var fetched = await provider.FetchAsync(Sid, CancellationToken.None);

            foreach (var outcome in new[] { listed, fetched })
                Assert.Equal(instant, InstantPattern.ExtendedIso.Format(Assert.Single(Assert.IsType<LookupOutcome.Answered>(outcome).Messages).CreatedAt!.Value));
        }
    }

    /// <summary>The zone and culture of the machine, for a while.</summary>
    private sealed class Machine : IDisposable
    {
        private readonly string? zone = Environment.GetEnvironmentVariable("TZ");
        private readonly CultureInfo culture = CultureInfo.CurrentCulture;

        public Machine(string zone, string culture)
        {
            SetZone(zone);
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo(culture);
        }

        public void Dispose()
        {
            SetZone(zone);
            CultureInfo.CurrentCulture = culture;
        }

        private static void SetZone(string? zone)
        {
            Environment.SetEnvironmentVariable("TZ", zone);
#pragma warning disable RS0030 // The package reads instants into the zone of the machine.
            TimeZoneInfo.ClearCachedData();
            Assert.True(zone is null || TimeZoneInfo.Local.Id == zone, TimeZoneInfo.Local.Id);
#pragma warning restore RS0030
        }
    }
}
