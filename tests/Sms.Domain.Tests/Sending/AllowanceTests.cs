using NodaTime;
using Sms.Domain.Phones;
using Sms.Domain.Places;
using Sms.Domain.Sending;
using Xunit;

namespace Sms.Domain.Tests.Sending;

/// <summary>Whom a business may send from and text, and how much, is the admin's to say.</summary>
public sealed class AllowanceTests
{
    private const string Own = "+15005550006", Theirs = "+15125550100", Service = "MG0123456789abcdef0123456789abcdef";

    private static readonly Instant Noon = Instant.FromUtc(2026, 6, 15, 16, 0);

    [Theory]
    [InlineData(null, null, true)]
    [InlineData(null, Own, true)]
    [InlineData(null, Theirs, false)]
    [InlineData("", Theirs, false)]
    [InlineData(Theirs, Theirs, true)]
    [InlineData(Theirs, Own, true)]
    [InlineData(Theirs, Service, false)]
    [InlineData(Theirs + " " + Service, Service, true)]
    public void A_sender_is_one_of_those_allowed_or_the_installations(string? allowed, string? sender, bool isAllowed)
    {
        var settings = With(sender) with { AllowedSenders = allowed is null ? null : new WordList(allowed.Split(' ', StringSplitOptions.RemoveEmptyEntries)) };

        Assert.Equal(isAllowed, settings.IsSenderAllowed(Own));
        (string, string)? excess = isAllowed ? null : ("sender_not_allowed", "sender");
        foreach (var byAdmin in new[] { false, true })
        {
            Assert.Equal(excess, Exceeded(settings, byAdmin, "sender"));
            // Who names something else does not answer for what stands there.
            Assert.Null(Exceeded(settings, byAdmin, "bodyLimit"));
        }
    }

    [Fact]
    public void Without_a_sender_of_the_installation_only_allowed_ones_remain()
    {
        Assert.False(With(Own).IsSenderAllowed(installation: null));
        Assert.True(With(sender: null).IsSenderAllowed(installation: null));
    }

    [Fact]
    public void A_sender_that_the_admin_sets_is_allowed_by_that()
    {
        var once = Allowance.Follow(BusinessSettings.Default, With(Theirs), ["sender"], byAdmin: true);
        Assert.Equal(new WordList([Theirs]), once.AllowedSenders);
        Assert.Equal(new WordList([Theirs, Service]), Allowance.Follow(once, once with { SenderFrom = null, SenderMessagingServiceSid = Service }, ["sender"], byAdmin: true).AllowedSenders);

        // Not by a business key, not by what stands there, not against the admin's own word.
        Assert.Null(Allowance.Follow(BusinessSettings.Default, With(Theirs), ["sender"], byAdmin: false).AllowedSenders);
        Assert.Null(Allowance.Follow(With(Theirs), With(Theirs), ["bodyLimit"], byAdmin: true).AllowedSenders);
        Assert.Null(Allowance.Follow(BusinessSettings.Default, With(Theirs), ["sender", "allowedSenders"], byAdmin: true).AllowedSenders);
    }

    [Theory]
    [InlineData("segmentsPerSecond")]
    [InlineData("dailySegmentLimit")]
    [InlineData("monthlyMessageLimit")]
    public void A_business_sets_its_limits_up_to_the_ceiling_and_not_to_none(string name)
    {
        var ceilings = BusinessSettings.Default with { MaxSegmentsPerSecond = 10, MaxDailySegments = 10, MaxMonthlyMessages = 10 };
        BusinessSettings Limited(int? limit) => ceilings with { SegmentsPerSecond = limit, DailySegmentLimit = limit, MonthlyMessageLimit = limit };

        foreach (var limit in new int?[] { 11, null })
            Assert.Equal(("limit_above_ceiling", name), Exceeded(Limited(limit), byAdmin: false, name));
        Assert.Null(Exceeded(Limited(10), byAdmin: false, name));
        Assert.Null(Exceeded(Limited(11), byAdmin: true, name));
        Assert.Null(Exceeded(Limited(11), byAdmin: false, "bodyLimit"));
        Assert.Null(Exceeded(BusinessSettings.Default, byAdmin: false, name));
    }

    [Theory]
    [InlineData(null, null, null)]
    [InlineData(5, null, 5)]
    [InlineData(null, 7, 7)]
    [InlineData(5, 7, 5)]
    [InlineData(9, 7, 7)]
    public void The_lower_of_limit_and_ceiling_is_in_force(int? limit, int? ceiling, int? inForce)
    {
        var settings = BusinessSettings.Default with
        {
            SegmentsPerSecond = limit,
            DailySegmentLimit = limit,
            MonthlyMessageLimit = limit,
            MaxSegmentsPerSecond = ceiling,
            MaxDailySegments = ceiling,
            MaxMonthlyMessages = ceiling,
        };

        var held = settings.InForce();
        Assert.Equal((inForce, inForce, inForce), ((int?)held.SegmentsPerSecond, held.DailySegmentLimit, held.MonthlyMessageLimit));
        Assert.Equal(held, held.InForce());
        Assert.Equal((inForce, inForce), (settings.DailyLimit(Category.Marketing), settings.MonthlyLimit(Category.Transactional)));
        // A one-time password passes the business's limits and not the admin's.
        Assert.Equal((ceiling, ceiling), (settings.DailyLimit(Category.Otp), settings.MonthlyLimit(Category.Otp)));
    }

    [Theory]
    [InlineData("US", "US PR GU VI AS MP")]
    [InlineData("PR", "PR")]
    [InlineData("DE", "DE")]
    public void Where_no_countries_are_named_they_are_the_regions(string region, string countries) =>
        Assert.Equal(new WordList(countries.Split(' ')), (BusinessSettings.Default with { Region = region }).InForce().AllowedCountries);

    [Fact]
    public void Another_region_of_the_businesss_own_choice_leaves_the_countries_as_they_were()
    {
        var german = BusinessSettings.Default with { Region = "DE" };
        Assert.Equal(BusinessSettings.Default.Countries, Allowance.Follow(BusinessSettings.Default, german, ["region"], byAdmin: false).Countries);
        Assert.Equal(new WordList(["DE"]), Allowance.Follow(BusinessSettings.Default, german, ["region"], byAdmin: true).Countries);
        Assert.Equal(german, Allowance.Follow(german, german, ["region"], byAdmin: false));
    }

    [Theory]
    [InlineData("+12125551234", "US")]
    [InlineData("+17875551234", "PR")]
    [InlineData("+19395551234", "PR")]
    [InlineData("+13405551234", "VI")]
    [InlineData("+16715551234", "GU")]
    [InlineData("+16845551234", "AS")]
    [InlineData("+16705551234", "MP")]
    [InlineData("+18005551234", "US")]
    [InlineData("+15005550006", "US")]
    [InlineData("+14165551234", "CA")]
    [InlineData("+16045551234", "CA")]
    [InlineData("+18675551234", "CA")]
    [InlineData("+18765551234", "JM")]
    [InlineData("+16585551234", "JM")]
    [InlineData("+18095551234", "DO")]
    [InlineData("+12425551234", "BS")]
    [InlineData("+447400123456", "GB")]
    [InlineData("+4930123456", "DE")]
    [InlineData("+79161234567", "RU")]
    [InlineData("+77011234567", "KZ")]
    [InlineData("+390612345678", "IT")]
    [InlineData("+870773111632", "001")]
    [InlineData("+8821612345678", "001")]
    [InlineData("+80012345678", "001")]
    [InlineData("+99912345678", null)]
    public void A_number_is_of_a_country_or_of_none(string number, string? country) =>
        Assert.Equal(country, RecipientCountry.Of(PhoneNumber.FromE164(number)));

    [Fact]
    public void Every_area_code_of_the_tables_is_of_the_country_that_they_say()
    {
        for (var areaCode = 200; areaCode < 1000; areaCode++)
        {
            var laws = PlaceTables.Current.AreaCode(areaCode)?.Jurisdictions.Select(j => j.Code).ToList();
            var country = RecipientCountry.Of(PhoneNumber.FromE164($"+1{areaCode}2345678"));
            if (laws is { Count: > 0 })
                Assert.Equal(laws[0] is "CA" ? "CA" : laws[0][3..] is "PR" or "GU" or "VI" or "AS" or "MP" ? laws[0][3..] : "US", country);
            else if (laws is not null)
                Assert.DoesNotContain(country, BusinessSettings.Default.Countries.Words);
        }
    }

    [Theory]
    [InlineData("+12125551234", "US", null, true)]
    [InlineData("+17875551234", "US", null, true)]
    [InlineData("+18765551234", "US", null, false)]
    [InlineData("+14165551234", "US", null, false)]
    [InlineData("+79161234567", "US", null, false)]
    [InlineData("+8821612345678", "US", null, false)]
    [InlineData("+12125551234", "DE", null, false)]
    [InlineData("+4930123456", "DE", null, true)]
    [InlineData("+14165551234", "US", "US CA", true)]
    [InlineData("+8821612345678", "US", "001", true)]
    [InlineData("+12125551234", "US", "CA", false)]
    [InlineData("+99912345678", "US", "001", false)]
    public void Nothing_goes_to_a_country_that_is_not_allowed(string to, string region, string? allowed, bool mayGo)
    {
        var settings = BusinessSettings.Default with { Region = region, AllowedCountries = allowed is null ? null : new WordList(allowed.Split(' ')) };
        foreach (var category in Enum.GetValues<Category>())
        {
            var verdict = SendPolicy.Decide(Facts(category, settings) with { Place = new PlaceFacts(PhoneNumber.FromE164(to), null, null, null) }, Noon);
            Assert.Equal(!mayGo, verdict is Verdict.Refuse { Code: "country_not_allowed" });
        }
    }

    [Theory]
    [InlineData(Category.Transactional, 5, null, 5, true)]
    [InlineData(Category.Transactional, null, 5, 5, true)]
    [InlineData(Category.Transactional, null, 5, 4, false)]
    [InlineData(Category.Otp, 5, null, 5, false)]
    [InlineData(Category.Otp, null, 5, 5, true)]
    [InlineData(Category.Otp, null, 5, 4, false)]
    public void The_months_ceiling_holds_passwords_too(Category category, int? limit, int? ceiling, int used, bool isFull)
    {
        var settings = BusinessSettings.Default with { MonthlyMessageLimit = limit, MaxMonthlyMessages = ceiling };
        var verdict = SendPolicy.Decide(Facts(category, settings) with { MessagesThisMonth = used }, Noon);
        Assert.Equal(isFull, verdict is Verdict.Refuse { Code: "monthly_limit_reached" });
    }

    [Theory]
    [InlineData(Category.Transactional, 5, null, true)]
    [InlineData(Category.Transactional, null, 5, true)]
    [InlineData(Category.Otp, 5, null, false)]
    [InlineData(Category.Otp, null, 5, true)]
    public void The_days_ceiling_holds_passwords_too(Category category, int? limit, int? ceiling, bool waits)
    {
        var settings = BusinessSettings.Default with { DailySegmentLimit = limit, MaxDailySegments = ceiling };
        var verdict = SendPolicy.Decide(Facts(category, settings) with { SegmentsToday = 5 }, Noon);
        Assert.Equal(waits, verdict is Verdict.Wait { Cause: WaitCause.DailyLimit });
    }

    private static BusinessSettings With(string? sender) => BusinessSettings.Default with
    {
        SenderFrom = sender is Service ? null : sender,
        SenderMessagingServiceSid = sender is Service ? sender : null,
    };

    private static (string Code, string Member)? Exceeded(BusinessSettings settings, bool byAdmin, string named) =>
        Allowance.Exceeded(settings, [named], byAdmin, Own) is { } excess ? (excess.Code, excess.Member) : null;

    private static SendFacts Facts(Category category, BusinessSettings settings) => new(
        category, new PlaceFacts(PhoneNumber.FromE164("+12125551234"), null, null, null), "America/New_York", Segments: 1, ConsentStatus.OptedIn,
        OptedOut: false, Unreachable: false, settings, NotBefore: null, ValidUntil: null, SegmentsToday: 0, MessagesThisMonth: 0);
}
