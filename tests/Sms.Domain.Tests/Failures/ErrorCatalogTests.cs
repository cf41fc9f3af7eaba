using Sms.Domain.Failures;
using Xunit;

namespace Sms.Domain.Tests.Failures;

public sealed class ErrorCatalogTests
{
    [Fact]
    public void The_catalog_is_whole()
    {
        Assert.Equal(128, ErrorCatalog.All.Count);
        Assert.All(ErrorCatalog.All, static entry =>
        {
            Assert.InRange(entry.Code, 10_000, 99_999);
            Assert.InRange(entry.Meaning.Length, 5, 80);
            Assert.Same(entry, ErrorCatalog.Find(entry.Code));
        });
    }

    [Fact]
    public void Every_class_has_its_own_word_and_is_used()
    {
        var classes = Enum.GetValues<FailureClass>();

        Assert.Equal(classes.Length, classes.Select(static failure => failure.ToWire()).Distinct(StringComparer.Ordinal).Count());
        Assert.All(classes, static failure =>
        {
            Assert.True(FailureWords.TryParse(failure.ToWire(), out var again));
            Assert.Equal(failure, again);
        });
        Assert.Equal(classes.Order(), ErrorCatalog.All.Select(static entry => entry.Class).Distinct().Order());
    }

    [Theory]
    [InlineData(FailureClass.BadNumber, "bad_number")]
    [InlineData(FailureClass.OptOut, "opt_out")]
    [InlineData(FailureClass.A2P, "a2p")]
    [InlineData(FailureClass.Configuration, "configuration")]
    public void Words_are_snake_case(FailureClass failure, string word) => Assert.Equal(word, failure.ToWire());

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("BadNumber")]
    public void Another_word_is_no_class(string? word) => Assert.False(FailureWords.TryParse(word, out _));

    [Fact]
    public void A_code_tells_when_it_comes()
    {
        Assert.Equal(
            new ErrorEntry(21610, "Recipient sent STOP to this sender", FailureClass.OptOut, OnCreate: true, OnDelivery: true),
            ErrorCatalog.Find(21610));
        Assert.True(ErrorCatalog.Find(30003) is { OnCreate: false, OnDelivery: true });
        Assert.True(ErrorCatalog.Find(11200) is { OnCreate: false, OnDelivery: false });
        Assert.Null(ErrorCatalog.Find(99_999));
    }

    [Theory]
    [InlineData(400, 21211, FailureClass.BadNumber)]
    [InlineData(400, 21610, FailureClass.OptOut)]
    [InlineData(400, 21606, FailureClass.Configuration)]
    [InlineData(400, 21659, FailureClass.Configuration)]
    [InlineData(400, 21660, FailureClass.Configuration)]
    [InlineData(400, 21661, FailureClass.Configuration)]
    [InlineData(400, 21635, FailureClass.BadNumber)]
    [InlineData(400, 21265, FailureClass.BadNumber)]
    [InlineData(400, 30044, FailureClass.Configuration)]
    [InlineData(400, 30047, FailureClass.Hours)]
    [InlineData(400, 30450, FailureClass.Rate)]
    [InlineData(400, 21612, FailureClass.Route)]
    [InlineData(400, 21611, FailureClass.Rate)]
    [InlineData(400, 21617, FailureClass.Request)]
    [InlineData(400, 21618, FailureClass.Content)]
    [InlineData(401, 20003, FailureClass.Configuration)]
    [InlineData(409, 20409, FailureClass.Transient)]
    [InlineData(400, 63038, FailureClass.Day)]
    [InlineData(404, 21701, FailureClass.Configuration)]
    public void A_known_code_decides_a_refusal(int status, int code, FailureClass expected) =>
        Assert.Equal(expected, ErrorCatalog.ClassifyCreate(status, code));

    [Theory]
    [InlineData(400, FailureClass.Request)]
    [InlineData(422, FailureClass.Request)]
    [InlineData(401, FailureClass.Configuration)]
    [InlineData(403, FailureClass.Configuration)]
    [InlineData(404, FailureClass.Configuration)]
    [InlineData(408, FailureClass.Unknown)]
    [InlineData(429, FailureClass.Rate)]
    public void Without_a_known_code_the_status_decides(int status, FailureClass expected)
    {
        Assert.Equal(expected, ErrorCatalog.ClassifyCreate(status, code: null));
        Assert.Equal(expected, ErrorCatalog.ClassifyCreate(status, 29_999));
    }

    [Theory]
    [InlineData(20500)]
    [InlineData(30045)]
    [InlineData(30003)]
    [InlineData(30410)]
    public void A_refusal_never_takes_the_class_of_a_code_that_is_not_about_refusals(int code) =>
        Assert.Equal(FailureClass.Request, ErrorCatalog.ClassifyCreate(400, code));

    [Fact]
    public void A_suspended_account_stops_sending_even_by_a_code_of_deliveries() =>
        Assert.Equal(FailureClass.Configuration, ErrorCatalog.ClassifyCreate(403, 30002));

    [Theory]
    [InlineData(20429, FailureClass.Rate)]
    [InlineData(21211, FailureClass.Rate)]
    [InlineData(63038, FailureClass.Day)]
    public void Too_many_requests_wait_and_for_the_next_day_when_the_code_says_so(int code, FailureClass expected) =>
        Assert.Equal(expected, ErrorCatalog.ClassifyCreate(429, code));

    [Theory]
    [InlineData(200)]
    [InlineData(302)]
    [InlineData(500)]
    [InlineData(502)]
    [InlineData(503)]
    [InlineData(0)]
    public void Whatever_is_no_refusal_may_have_been_accepted(int status)
    {
        Assert.Equal(FailureClass.Unknown, ErrorCatalog.ClassifyCreate(status, code: null));
        Assert.All(ErrorCatalog.All, entry => Assert.Equal(FailureClass.Unknown, ErrorCatalog.ClassifyCreate(status, entry.Code)));
    }

    [Theory]
    [InlineData(30003, FailureClass.Transient)]
    [InlineData(30038, FailureClass.Content)]
    [InlineData(30044, FailureClass.Configuration)]
    [InlineData(30047, FailureClass.Hours)]
    [InlineData(30610, FailureClass.Hours)]
    [InlineData(30450, FailureClass.Content)]
    [InlineData(30453, FailureClass.Content)]
    [InlineData(30006, FailureClass.Route)]
    [InlineData(30002, FailureClass.Configuration)]
    [InlineData(30018, FailureClass.Configuration)]
    [InlineData(30024, FailureClass.A2P)]
    [InlineData(30032, FailureClass.A2P)]
    [InlineData(30033, FailureClass.A2P)]
    [InlineData(30035, FailureClass.A2P)]
    [InlineData(14107, FailureClass.Rate)]
    [InlineData(63018, FailureClass.Rate)]
    [InlineData(30004, FailureClass.OptOut)]
    [InlineData(30005, FailureClass.BadNumber)]
    [InlineData(30007, FailureClass.Content)]
    [InlineData(30023, FailureClass.Day)]
    [InlineData(30034, FailureClass.A2P)]
    [InlineData(30036, FailureClass.Expired)]
    [InlineData(30410, FailureClass.Unknown)]
    [InlineData(30999, FailureClass.Transient)]
    [InlineData(39_999, FailureClass.Transient)]
    [InlineData(40_000, FailureClass.Request)]
    [InlineData(29_999, FailureClass.Request)]
    [InlineData(0, FailureClass.Request)]
    public void A_failed_delivery_is_judged_by_its_code(int code, FailureClass expected) =>
        Assert.Equal(expected, ErrorCatalog.ClassifyDelivery(code));
}
