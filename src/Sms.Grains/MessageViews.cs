using Sms.Contracts;
using Sms.Domain.Sending;
using Sms.Ports;

namespace Sms;

/// <summary>A message as it is at the moment of its acceptance, without reading it back.</summary>
internal static class MessageViews
{
    public static MessageView Of(AcceptedMessage message) => new()
    {
        Id = message.Id,
        BusinessId = message.BusinessId,
        CustomerId = message.CustomerId,
        To = message.To.E164,
        Body = message.Body,
        Footer = message.Footer,
        Category = message.Category.ToWire(),
        Status = "pending",
        Encoding = message.Encoding,
        Segments = message.Segments,
        AttemptCount = 0,
        MaxAttempts = message.MaxAttempts,
        Retry = message.Claim is null ? RetryOf(message, message.Cause ?? (message.IsBehind ? WaitCause.Turn : WaitCause.Busy)) : null,
        Decision = Of(message.Decision),
        Metadata = message.Metadata,
        CreatedAt = message.AcceptedAt.ToDateTimeOffset(),
        UpdatedAt = message.AcceptedAt.ToDateTimeOffset(),
    };

    /// <summary>Who waits for others does not know for how long.</summary>
    private static RetryView RetryOf(AcceptedMessage message, WaitCause cause) => new(
        cause.ToReason(), cause.ToWire(), cause is WaitCause.Busy or WaitCause.Turn ? null : message.ScheduledFor?.ToDateTimeOffset(), message.CauseCode);

    public static DecisionView Of(DecisionRecord decision) => new()
    {
        Timezone = decision.Timezone,
        TimezoneSource = decision.TimezoneSource,
        Timezones = [.. decision.Timezones],
        Window = decision.Window is null ? null : [.. decision.Window],
        Rule = decision.Rule,
        Tzdb = decision.Tzdb,
        At = decision.At.ToDateTimeOffset(),
        LocalTime = decision.LocalTime,
        LocalTimes = decision.LocalTimes?.ToArray(),
        DecidedAt = decision.DecidedAt?.ToDateTimeOffset(),
        Reason = decision.Reason,
        QuietHours = decision.QuietHours,
        BlockedBy = decision.BlockedBy?.ToArray(),
        Policy = decision.Policy,
        Jurisdictions = decision.Jurisdictions?.Select(j => new JurisdictionView(j.Jurisdiction.Code, j.Source)).ToArray(),
        Rules = decision.Rules?.ToArray(),
        RuleSet = decision.RuleSet,
        Blackouts = decision.Blackouts,
        OpenUntil = decision.OpenUntil?.ToDateTimeOffset(),
        Cap = decision.Cap is { } cap ? new CapView(cap.Rule, cap.Limit, cap.Hours, cap.Counted, cap.FreeAt?.ToDateTimeOffset()) : null,
        ConsentId = decision.ConsentId,
        SettingsVersion = decision.SettingsVersion,
        Profile = decision.Profile,
        Conflict = decision.IsConflict,
        Evidence = decision.Evidence?.Select(e => new EvidenceView(e.Source, e.Use, [.. e.Zones], [.. e.Jurisdictions])).ToArray(),
        ConsentRule = decision.ConsentRule,
    };
}
