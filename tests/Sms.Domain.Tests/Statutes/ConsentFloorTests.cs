using NodaTime;
using Sms.Domain.Phones;
using Sms.Domain.Places;
using Sms.Domain.Sending;
using Sms.Domain.Statutes;
using Xunit;

namespace Sms.Domain.Tests.Statutes;

/// <summary>What consent the law asks for where a business asks for none.</summary>
public sealed class ConsentFloorTests
{
    private static readonly Instant Noon = Instant.FromUtc(2026, 12, 2, 18, 30);

    private static readonly BusinessSettings Lax = BusinessSettings.Default with
    {
        RequireConsent = false,
        AllowedCountries = new WordList(["US", "PR", "CA", "GB", "FR", "DE", "IN", "AU", "MX", "BR", "IT", "JM", "001"]),
    };

    [Theory]
    [InlineData("+16025551234", "express")] // Arizona
    [InlineData("+16095551234", "express")] // New Jersey
    [InlineData("+15045551234", "express")] // Louisiana
    [InlineData("+12065551234", "express")] // Washington
    [InlineData("+13055551234", "written")] // Florida
    [InlineData("+14105551234", "written")] // Maryland
    [InlineData("+14055551234", "written")] // Oklahoma
    [InlineData("+18605551234", "written")] // Connecticut
    [InlineData("+19995551234", "written")] // nobody knows
    [InlineData("+14165551234", "express")]
    [InlineData("+447400123456", "express")]
    [InlineData("+33612345678", "express")]
    [InlineData("+4930123456", "express")]
    [InlineData("+919812345678", "express")]
    [InlineData("+61412345678", "express")]
    [InlineData("+525512345678", "express")]
    [InlineData("+5511912345678", "express")]
    [InlineData("+15125551234", "none")] // Texas
    [InlineData("+12125551234", "none")] // New York
    [InlineData("+17875551234", "none")] // Puerto Rico
    public void A_business_cannot_ask_for_less_than_the_law(string number, string asks)
    {
        Assert.Equal(asks is not "none", IsRefused(number, ConsentStatus.Unknown));
        Assert.False(IsRefused(number, ConsentStatus.OptedIn));
        Assert.False(IsRefused(number, ConsentStatus.OptedIn, ConsentForm.Written));
        Assert.Equal(asks is "written", IsRefused(number, ConsentStatus.OptedIn, ConsentForm.Express));
        // Only marketing asks.
        Assert.False(IsRefused(number, ConsentStatus.Unknown, category: Category.Transactional));
        Assert.False(IsRefused(number, ConsentStatus.Unknown, category: Category.Otp));
    }

    [Fact]
    public void Both_the_address_and_the_number_ask()
    {
        Assert.True(IsRefused("+15125551234", ConsentStatus.Unknown, zip: "33101"));
        Assert.True(IsRefused("+13055551234", ConsentStatus.Unknown, zip: "78701"));
        Assert.False(IsRefused("+15125551234", ConsentStatus.Unknown, zip: "10001"));
        // 201 is New Jersey's; a code that nobody knows is where its address is.
        Assert.True(IsRefused("+12015551234", ConsentStatus.Unknown));
        Assert.False(IsRefused("+19995551234", ConsentStatus.Unknown, zip: "78701"));
    }

    [Theory]
    [InlineData(23, false)]
    [InlineData(25, true)]
    public void Implied_consent_runs_out_where_the_law_says_so(int monthsAgo, bool isRefused)
    {
        var at = Noon.InUtc().LocalDateTime.PlusMonths(-monthsAgo).InUtc().ToInstant();
        Assert.Equal(isRefused, IsRefused("+14165551234", ConsentStatus.OptedIn, ConsentForm.Implied, at: at));
        Assert.True(IsRefused("+447400123456", ConsentStatus.OptedIn, ConsentForm.Implied, at: at));
        Assert.True(IsRefused("+14165551234", ConsentStatus.OptedIn, ConsentForm.Implied));
    }

    [Theory]
    [InlineData("US-CT", "2023-09-30", ConsentLevel.None)]
    [InlineData("US-CT", "2023-10-01", ConsentLevel.Written)]
    [InlineData("US-FL", "2021-06-30", ConsentLevel.None)]
    [InlineData("US-FL", "2021-07-01", ConsentLevel.Written)]
    [InlineData("US-MD", "2023-12-31", ConsentLevel.None)]
    [InlineData("US-OK", "2022-11-01", ConsentLevel.Written)]
    [InlineData("US-AZ", "2026-12-01", ConsentLevel.Express)]
    public void A_law_asks_from_its_first_day(string jurisdiction, string day, ConsentLevel level) =>
        Assert.Equal(level, ConsentBook.Current.Find(jurisdiction, NodaTime.Text.LocalDatePattern.Iso.Parse(day).Value)!.Level);

    [Fact]
    public void The_decision_names_the_rule()
    {
        var go = Assert.IsType<Verdict.Go>(SendPolicy.Decide(Facts("+13055551234", ConsentStatus.OptedIn), Noon));
        Assert.Equal("US-FL/2", go.Decision.ConsentRule);
        Assert.Null(Assert.IsType<Verdict.Go>(SendPolicy.Decide(Facts("+15125551234", ConsentStatus.Unknown), Noon)).Decision.ConsentRule);
    }

    [Theory]
    [InlineData("+390612345678", true)]
    [InlineData("+18765551234", true)]
    [InlineData("+8821612345678", true)]
    [InlineData("+447400123456", false)]
    [InlineData("+14165551234", false)]
    [InlineData("+17875551234", false)]
    public void Marketing_to_a_country_without_a_row_is_refused(string number, bool isRefused)
    {
        var facts = Facts(number, ConsentStatus.OptedIn);
        bool IsNoRule(SendFacts f) => SendPolicy.Decide(f, Noon) is Verdict.Refuse { Code: "no_rule_for_country" };

        Assert.Equal(isRefused, IsNoRule(facts));
        Assert.False(IsNoRule(facts with { Category = Category.Transactional }));
        Assert.False(IsNoRule(facts with { Settings = Lax with { QuietHoursPolicy = QuietHoursPolicy.Business } }));
    }

    private static bool IsRefused(
        string number, ConsentStatus consent, ConsentForm? form = null, Category category = Category.Marketing, string? zip = null, Instant? at = null) =>
        SendPolicy.Decide(Facts(number, consent, zip) with { Grant = new ConsentGrant(form, at), Category = category }, Noon) is Verdict.Refuse { Code: "consent_required" };

    private static SendFacts Facts(string number, ConsentStatus consent, string? zip = null) => new(
        Category.Marketing, new PlaceFacts(PhoneNumber.FromE164(number), null, zip, null), "America/New_York", 1, consent, OptedOut: false, Unreachable: false,
        Lax, NotBefore: null, ValidUntil: null, SegmentsToday: 0, MessagesThisMonth: null);
}
