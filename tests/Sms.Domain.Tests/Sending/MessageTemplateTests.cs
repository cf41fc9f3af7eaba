using CsCheck;
using Sms.Domain.Sending;
using Xunit;

namespace Sms.Domain.Tests.Sending;

public sealed class MessageTemplateTests
{
    private static readonly Dictionary<string, string> Values = new(StringComparer.Ordinal)
    {
        ["name"] = "Ana",
        ["empty"] = "",
        ["first name"] = "Ana Maria",
        ["sly"] = "{{name}}",
        [""] = "nameless",
    };

    [Theory]
    [InlineData("Hello", "Hello")]
    [InlineData("", "")]
    [InlineData("Hello {{name}}!", "Hello Ana!")]
    [InlineData("{{name}}{{name}}", "AnaAna")]
    [InlineData("{{  name\t}}", "Ana")]
    [InlineData("{{first name}}", "Ana Maria")]
    [InlineData("[{{empty}}]", "[]")]
    [InlineData("{{}}", "nameless")]
    [InlineData("{name} }} {{", "{name} }} {{")]
    [InlineData("}}{{name}}", "}}Ana")]
    [InlineData("{{{name}}}", null)]
    public void Places_are_filled_and_all_else_stays(string template, string? text)
    {
        var isMade = MessageTemplate.TryRender(template, Values, most: 1600, out var rendered, out _);

        Assert.Equal((text is not null, text ?? template), (isMade, rendered));
    }

    [Fact]
    public void Values_are_not_looked_into_again()
    {
        Assert.True(MessageTemplate.TryRender("{{sly}}", Values, 1600, out var text, out _));
        Assert.Equal("{{name}}", text);
    }

    [Theory]
    [InlineData("{{name}} {{ when }} {{where}}", "when")]
    [InlineData("{{Name}}", "Name")]
    [InlineData("{{{name}}}", "{name")]
    public void The_first_place_without_a_value_is_named(string template, string missing)
    {
        Assert.False(MessageTemplate.TryRender(template, Values, 1600, out var text, out var named));
        Assert.Equal((template, missing), (text, named));
    }

    [Fact]
    public void Without_values_only_a_text_without_places_is_made()
    {
        Assert.True(MessageTemplate.TryRender("Hello", variables: null, 1600, out _, out _));
        Assert.False(MessageTemplate.TryRender("{{name}}", variables: null, 1600, out _, out var missing));
        Assert.Equal("name", missing);
    }

    [Theory]
    [InlineData("12345", 5, true)]
    [InlineData("123456", 5, false)]
    [InlineData("12{{name}}", 5, true)]
    [InlineData("12{{name}}4", 5, false)]
    [InlineData("123{{name}}", 5, false)]
    [InlineData("{{empty}}{{empty}}{{empty}}", 0, true)]
    public void A_text_beyond_the_limit_is_not_made_and_nothing_is_said_to_be_missing(string template, int most, bool isMade)
    {
        Assert.Equal(isMade, MessageTemplate.TryRender(template, Values, most, out _, out var missing));
        Assert.Null(missing);
    }

    [Fact]
    public void However_many_places_it_has_no_more_than_the_limit_is_ever_made()
    {
        // 1,600 places of a megabyte each would be a gigabyte and a half.
        var values = new Dictionary<string, string>(StringComparer.Ordinal) { ["x"] = new('x', 1_000_000) };

        Assert.False(MessageTemplate.TryRender(string.Concat(Enumerable.Repeat("{{x}}", 1600)), values, 1600, out _, out _));
    }

    [Fact]
    public void What_is_made_keeps_to_the_limit() =>
        Gen.Select(Gen.OneOf("Hello ", "{{name}}", "{{empty}}", "{{", "}}").Array[0, 20], Gen.Int[0, 60]).Sample((parts, most) =>
            !MessageTemplate.TryRender(string.Concat(parts), Values, most, out var text, out _) || text.Length <= most);
}
