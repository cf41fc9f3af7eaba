using Sms.Ports;
using Sms.Silo.Simulator;
using Sms.Silo.Twilio;
using Xunit;

namespace Sms.Integration.Tests.Twilio;

public sealed class PrivacyTests
{
    [Fact]
    public async Task Logs_never_hold_text_numbers_account_or_token()
    {
        await using var rig = await TwilioRig.StartAsync();
        foreach (var kind in Enum.GetValues<SimulatedFaultKind>().Where(kind => SimulatedFault.Fits(kind, FaultTarget.Create)))
        {
            if (kind is not (SimulatedFaultKind.HangBeforeAccepting or SimulatedFaultKind.HangAfterAccepting))
                await rig.SendAfterAsync(new SimulatedFault(kind, Code: 21211));
        }

        foreach (var to in new[] { TwilioRig.Recipient, "+15005550001", "+15005550004" })
            await rig.SendAsync(to);

        var logs = rig.Logs.Everything;
        Assert.Contains("accepted as SM", logs, StringComparison.Ordinal);
        Assert.Contains("refused (BadNumber, 21211", logs, StringComparison.Ordinal);
        Assert.Contains("outcome unknown", logs, StringComparison.Ordinal);
        foreach (var secret in new[]
            {
                TwilioRig.Text, "table", TwilioRig.Recipient[1..], "15005550001", "15005550004",
                rig.Options.AccountSid!, rig.Options.AuthToken!, "Messages.json", "Authorization", "Basic",
            })
            Assert.DoesNotContain(secret, logs, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("The 'To' number +14155550123 is not valid.", "The 'To' number +1******0123 is not valid.")]
    [InlineData("number: 14155550123", "number: +1******0123")]
    [InlineData("(415) 555-0123 is off", "+4******0123 is off")]
    [InlineData("call +1 (415) 555-0123.", "call +1******0123.")]
    [InlineData("To=%2B14155550123&x", "To=+1******0123&x")]
    [InlineData("+123456", "+******")]
    [InlineData("5550123 too", "+****** too")]
    [InlineData("error 21211, limit 1600 or 36000", "error 21211, limit 1600 or 36000")]
    [InlineData("", "")]
    public void Numbers_in_the_providers_words_are_masked(string words, string kept) =>
        Assert.Equal(kept, ProviderWords.WithoutNumbers(words));

    [Fact]
    public void Long_words_are_cut() =>
        Assert.Equal(ProviderWords.MaxLength, ProviderWords.WithoutNumbers(new string('x', 60_000)).Length);

    [Theory]
    [InlineData(0)]
    [InlineData(2047)]
    [InlineData(2048)]
    [InlineData(2049)]
    [InlineData(BoundedBody.MaxBytes)]
    [InlineData(BoundedBody.MaxBytes + 1)]
    public async Task Of_a_reply_no_more_than_its_bound_is_read(int length)
    {
        var bytes = new byte[length];
        Array.Fill(bytes, (byte)'x');
        using var content = new StreamContent(new MemoryStream(bytes));

        using var read = await BoundedBody.ReadAsync(content, CancellationToken.None);

        Assert.Equal(Math.Min(length, BoundedBody.MaxBytes), read.Bytes.Length);
        Assert.True(read.Bytes.IndexOfAnyExcept((byte)'x') < 0);
    }
}
