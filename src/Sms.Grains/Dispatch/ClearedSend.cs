using NodaTime;
using Sms.Domain.Phones;
using Sms.Domain.Sending;
using Sms.Ports;

namespace Sms.Dispatch;

/// <summary>A text that rules and gate let go, and on what they decided: what its attempt is recorded on.</summary>
/// <param name="To">Where it goes.</param>
/// <param name="Text">Body and footer.</param>
/// <param name="Segments">What it costs.</param>
/// <param name="Category">What kind of text.</param>
/// <param name="ValidUntil">After this it must not go; null: whenever it may.</param>
/// <param name="ConsentId">The entry of the consent ledger in force; null: there is none.</param>
/// <param name="Go">The decision.</param>
/// <param name="Sender">Who it comes from.</param>
/// <param name="Slot">The slot of the pace that it uses; null: no pace is to be kept to.</param>
/// <param name="At">When it was decided.</param>
internal sealed record ClearedSend(
    PhoneNumber To, string Text, int Segments, Category Category, Instant? ValidUntil, Guid? ConsentId,
    Verdict.Go Go, Sender Sender, Instant? Slot, Instant At)
{
    /// <summary>Of the business that was decided by.</summary>
    public required long SettingsVersion { get; init; }

    /// <summary>It finds out whether the provider still refuses its sender; no other goes meanwhile.</summary>
    public required bool IsProbe { get; init; }

    /// <summary>It answers a call for help: no limit of the business holds it or counts it.</summary>
    public required bool IsAnswer { get; init; }

    /// <summary>The decision is kept with the message already.</summary>
    public bool IsDecisionStored { get; init; }
}
