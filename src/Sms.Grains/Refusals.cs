using Sms.Contracts;
using Sms.Domain.Sending;

namespace Sms;

/// <summary>The refusals that several calls share.</summary>
internal static class Refusals
{
    public static Refusal NoBusiness { get; } = new("not_found", "There is no such resource.");

    public static Refusal InvalidPhone { get; } = new("invalid_phone", "The phone number is not a possible number.");

    public static Refusal InvalidState { get; } = Invalid("state", "must be the two letters of a state or territory of the US");

    /// <summary>What is stored may have been written by others, or the admin may have thought better of it.</summary>
    public static Refusal SenderNotAllowed { get; } = new("sender_not_allowed", "settings.sender is none of the senders that the admin allows the business.");

    public static Refusal KeyReused { get; } = new("idempotency_key_reused", "This idempotency key was used with another request.");

    public static Refusal TooManyKeys { get; } = new("too_many_keys", "The business has 20 live API keys. Delete one that is not used any more.");

    /// <summary>Nothing was written.</summary>
    public static Refusal Overloaded { get; } = new(Refusal.Unavailable, "More sends wait for the database than it takes. Try again later.");

    public static Refusal InvalidTimezone(string zone) => new("invalid_timezone", $"'{zone}' is no time zone of the tz database.");

    public static Refusal Of(Excess excess) => new(excess.Code, $"settings.{excess.Member} {excess.What}.")
    {
        Errors = new(StringComparer.Ordinal) { [$"settings.{excess.Member}"] = [excess.What] },
    };

    public static Refusal Invalid(string member, string what) =>
        new("validation_failed", $"{member} {what}.") { Errors = new(StringComparer.Ordinal) { [member] = [what] } };
}
