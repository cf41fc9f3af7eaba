using Sms.Integration.Tests.Api;
using Sms.Integration.Tests.Twilio;

namespace Sms.Integration.Tests.Processes;

/// <summary>Words of Twilio's that no database stores.</summary>
public sealed class ProviderWordsTests
{
    [Fact]
    public async Task A_refusal_in_words_that_cannot_be_stored_settles_its_message_all_the_same()
    {
        await using var twilio = await WebhookReceiver.StartAsync();
        twilio.ReplyBody = """{"code":21617,"message":"too\u0000 long \ud83d, +1512555\u00000100","status":400}""";
        twilio.AnswerNext(400);
        await using var api = await RunningApi.StartAsync(
            ("SMS_PROVIDER", "twilio"), ("TWILIO_ACCOUNT_SID", "AC0123456789abcdef0123456789abcdef"), ("TWILIO_AUTH_TOKEN", "a-token-of-nobody"),
            ("TWILIO_PHONE_NUMBER", "+15005550006"), ("TWILIO_API_BASE_URL", $"{twilio.Url.AbsoluteUri}api/"));
        var business = await api.NewBusinessAsync();

        var message = await business.SendTransactionalAsync(api.NewNumber());

        var failed = await business.WhenAsync(message, m => m.MessageStatus is "failed");
        Assert.Equal((21617, "too long \ufffd, +1******0100"), (failed.Json!["error"]!["code"]!.GetValue<int>(), failed.Json["error"]!["message"]!.GetValue<string>()));
        Assert.StartsWith($"{twilio.Url.AbsoluteUri}api/2010-04-01/Accounts/", Assert.Single(twilio.Received).Url, StringComparison.Ordinal);
    }
}
