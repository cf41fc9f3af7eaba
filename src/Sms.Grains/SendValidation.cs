using NodaTime;
using Sms.Contracts;
using Sms.Domain.Phones;
using Sms.Domain.Segments;
using Sms.Domain.Sending;
using Sms.Ports;

namespace Sms;

/// <summary>A send that is well formed: what is sent to whom. Whether it may go is the rules' to say.</summary>
/// <param name="Command">What the client asked for.</param>
/// <param name="To">The recipient's number.</param>
/// <param name="Body">The text, filled in if it came from a template.</param>
/// <param name="Footer">What is sent after it; null: nothing.</param>
/// <param name="Category">What kind of text.</param>
/// <param name="Size">What body and footer cost.</param>
/// <param name="NotBefore">The client's wish to send later; null: now.</param>
/// <param name="ValidUntil">After this it must not go; null: whenever it may.</param>
/// <param name="Sender">Who it comes from.</param>
internal sealed record ValidSend(
    SendCommand Command, PhoneNumber To, string Body, string? Footer, Category Category, SegmentCount Size,
    Instant? NotBefore, Instant? ValidUntil, Sender Sender);

/// <summary>Checks of a send what is not a matter of rules.</summary>
internal static class SendValidation
{
    /// <summary>How long a one-time password is worth something when the client does not say.</summary>
    /// <remarks>Source: the HTTP contract.</remarks>
    private static readonly Duration OtpValidity = Duration.FromMinutes(10);

    /// <param name="command">What the client asked for.</param>
    /// <param name="found">What the database says of it.</param>
    /// <param name="settings">The business's.</param>
    /// <param name="bar">Why nothing is sent for it, whatever it is; null: nothing stands against it.</param>
    /// <param name="sender">Who it would come from; null: no provider is configured.</param>
    /// <param name="now">The present.</param>
    /// <returns>The send, or why it is refused: one of them is null.</returns>
    public static (ValidSend? Send, Refusal? Refusal) Check(
        SendCommand command, SendLookup found, BusinessSettings settings, Refusal? bar, Sender? sender, Instant now)
    {
        if (sender is null && bar is null)
            return No("sms_disabled", "No provider is configured: texts cannot be sent.");
        if (command.ValidUntil is { } end && Instant.FromDateTimeOffset(end) <= now)
            return (null, Refusals.Invalid("validUntil", "must be in the future"));
        if (sender is null || bar is not null)
            return (null, bar);
        if (settings.Paused)
            return No("business_paused", "The business is paused.");
        if (command.CustomerId is not null && found.CustomerId is null)
            return No("customer_not_found", "The business has no such customer.");
        if (found.Phone is null)
            return (null, Refusals.InvalidPhone);

        var body = command.Body;
        if (command.TemplateId is not null)
        {
            if (found.TemplateBody is null)
                return No("unknown_template", "The business has no such template.");
            if (!MessageTemplate.TryRender(found.TemplateBody, command.Variables, settings.BodyLimit, out body, out var missing))
            {
                return missing is null
                    ? No("body_too_long", $"The text has more than {settings.BodyLimit} UTF-16 units, the business's limit.")
                    : (null, Refusals.Invalid($"variables.{missing}", "is missing"));
            }
        }

        if (string.IsNullOrWhiteSpace(body))
            return No("body_required", "The message has no text.");
        if (!SmsText.IsValid(body))
            return No("invalid_text", "The text has U+0000 or half a surrogate pair.");

        var category = command.IsCategoryUnsaid ? settings.DefaultCategory : SendingWords.ParseCategory(command.Category);
        var footer = OptOutLine.For(category, settings.OptOutFooter, found.TextedBefore);
        if (OptOutLine.TooLong(body, footer, settings.BodyLimit) is { } tooLong)
            return No("body_too_long", tooLong);

        return (new ValidSend(
            command, PhoneNumber.FromE164(found.Phone), body, footer, category, SmsSegments.Measure(body + footer),
            Optional(command.SendAt), Optional(command.ValidUntil) ?? (category == Category.Otp ? now + OtpValidity : null), sender), null);
    }

    private static (ValidSend? Send, Refusal? Refusal) No(string code, string detail) => (null, new Refusal(code, detail));

    private static Instant? Optional(DateTimeOffset? at) => at is { } value ? Instant.FromDateTimeOffset(value) : null;
}
