namespace Sms.Silo.Simulator;

/// <summary>Numbers that always fail, as under Twilio's test credentials; +15005550006 is a sender that always works.</summary>
/// <remarks>Source: https://www.twilio.com/docs/iam/test-credentials.</remarks>
internal static class MagicNumbers
{
    public static TwilioError? RefuseTo(string to) => to switch
    {
        "+15005550001" => new(21211, $"The 'To' number {to} is not a valid phone number."),
        "+15005550002" => new(21612, $"The 'To' phone number {to} is not currently reachable via SMS."),
        "+15005550003" => new(21408, $"Permission to send an SMS has not been enabled for the region of {to}."),
        "+15005550004" => new(21610, $"The message From/To pair violates a blacklist rule ({to})."),
        "+15005550009" => new(21614, $"'To' number {to} is not a valid mobile number."),
        _ => null,
    };

    public static TwilioError? RefuseFrom(string from) => from switch
    {
        "+15005550001" => new(21212, $"The 'From' number {from} is not a valid phone number."),
        "+15005550007" => new(21606, $"The 'From' phone number {from} is not a valid SMS-capable number of your account."),
        "+15005550008" => new(21611, $"The 'From' number {from} has exceeded the maximum number of queued messages."),
        _ => null,
    };
}
