using System.Globalization;
using System.Text.RegularExpressions;

namespace Sms.Silo.Simulator;

/// <summary>
/// What Twilio refuses in a create, in Twilio's order. Pure: rules that need state
/// (opt-outs, sender queues) come after these and before the message is accepted.
/// </summary>
/// <remarks>Source of the codes: https://www.twilio.com/docs/api/errors, one page per code.</remarks>
internal static partial class CreateRules
{
    private const int MaxBody = 1600;
    private const int MaxCallback = 4000;
    private const int MinValidity = 1, MaxValidity = 36_000;

    /// <summary>The first rule that the form breaks; null: none.</summary>
    public static TwilioError? FirstBroken(IFormCollection form)
    {
        string to = form["To"].ToString(), from = form["From"].ToString(), body = form["Body"].ToString();
        var service = form["MessagingServiceSid"].ToString();

        if (to.Length == 0)
            return new(21604, "A 'To' phone number is required.");
        if (!IsNumber(to))
            return new(21211, $"The 'To' number {to} is not a valid phone number.");
        if (from.Length == 0 && service.Length == 0)
            return new(21603, "A 'From' phone number is required.");
        if (body.Length == 0)
            return new(21602, "Message body is required.");
        if (body.Length > MaxBody)
            return new(21617, "The concatenated message body exceeds the 1600 character limit.");
        return BadValidity(form["ValidityPeriod"].ToString())
            ?? BadCallback(form["StatusCallback"].ToString())
            ?? MagicNumbers.RefuseTo(to)
            ?? BadSchedule(form, service)
            ?? (service.Length > 0 ? BadService(service) : BadSender(from));
    }

    /// <summary>Whether it looks like E.164.</summary>
    public static bool IsNumber(string text) => Number().IsMatch(text);

    private static TwilioError? BadCallback(string url) =>
        url.Length == 0
        || (url.Length <= MaxCallback
            && Uri.TryCreate(url, UriKind.Absolute, out var target)
            && target.Scheme is "http" or "https"
            && !target.Host.Contains('_', StringComparison.Ordinal))
            ? null
            : new(21609, $"The 'StatusCallback' URL {url} is not a valid URL.");

    private static TwilioError? BadValidity(string seconds)
    {
        if (seconds.Length == 0)
            return null;
        if (!int.TryParse(seconds, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var validity))
            return new(21624, $"The validity period {seconds} is invalid.");
        return validity is < MinValidity or > MaxValidity
            ? new(90007, $"The validity period {seconds} is not within 1 to 36000 seconds.")
            : null;
    }

    private static TwilioError? BadSchedule(IFormCollection form, string service)
    {
        if (form["ScheduleType"].Count == 0)
            return null;
        if (service.Length == 0)
            return new(35118, "A Messaging Service is required to schedule a message.");
        return form["SendAt"].ToString().Length == 0 ? new(35111, "SendAt is required to schedule a message.") : null;
    }

    private static TwilioError? BadService(string service) =>
        ServiceSid().IsMatch(service) ? null : new(21705, $"The Messaging Service Sid {service} is invalid.");

    private static TwilioError? BadSender(string from) =>
        MagicNumbers.RefuseFrom(from)
        ?? (SenderId().IsMatch(from) ? null : new(21212, $"The 'From' number {from} is not a valid phone number."));

    [GeneratedRegex(@"^\+[1-9][0-9]{6,14}$", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Number();

    // A number, a short code, or an alphanumeric sender of up to 11 characters.
    [GeneratedRegex(
        @"^(\+[1-9][0-9]{6,14}|[0-9]{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 +&_-]{1,11})$",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex SenderId();

    [GeneratedRegex("^MG[0-9a-fA-F]{32}$", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ServiceSid();
}
