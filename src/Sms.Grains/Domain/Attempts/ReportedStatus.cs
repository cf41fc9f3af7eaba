using NodaTime;
using Sms.Domain.Failures;

namespace Sms.Domain.Attempts;

/// <summary>A status that the provider reported, judged.</summary>
public sealed record ReportedStatus
{
    public Guid? AttemptId { get; init; }
    public string? Sid { get; init; }

    /// <summary>The provider's word.</summary>
    public required string Status { get; init; }

    /// <summary>sent, delivered or failed.</summary>
    public required string MovesTo { get; init; }

    /// <summary>The order among the provider's words.</summary>
    public required int Rank { get; init; }
    public int? ErrorCode { get; init; }

    /// <summary>Set whenever <see cref="MovesTo"/> is failed: it is how an attempt that failed is told from one that stands.</summary>
    public FailureClass? ErrorClass { get; init; }
    public string? ErrorMessage { get; init; }

    /// <summary>opt_out or unreachable: the number is put on the suppression list.</summary>
    public string? Suppress { get; init; }
    public required Instant At { get; init; }

    /// <summary>When the provider is asked how it ended, should this be the first report and no final one follow.</summary>
    public required Instant CheckAt { get; init; }
}
