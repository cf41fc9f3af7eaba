using Sms.Domain.Attempts;
using Sms.Domain.Failures;
using Sms.Ports;

namespace Sms.Silo.Twilio;

internal sealed partial class TwilioProvider
{
    private void LogOutcome(Guid attemptId, ProviderOutcome outcome, TimeSpan elapsed)
    {
        var milliseconds = (long)elapsed.TotalMilliseconds;
        switch (outcome)
        {
            case ProviderOutcome.Accepted accepted:
                LogAccepted(attemptId, accepted.Sid, milliseconds);
                break;
            case ProviderOutcome.Refused refused:
                LogRefused(attemptId, refused.Class, refused.Code, refused.Message, milliseconds);
                break;
            case ProviderOutcome.NeverLeft never:
                LogNeverLeft(attemptId, never.Reason, milliseconds);
                break;
            case ProviderOutcome.TooLate:
                LogTooLate(attemptId, milliseconds);
                break;
            case ProviderOutcome.Unknown unknown:
                LogUnknown(attemptId, unknown.Reason, milliseconds);
                break;
        }
    }

    [LoggerMessage(LogLevel.Debug, "Attempt {AttemptId}: accepted as {Sid} in {Milliseconds} ms")]
    private partial void LogAccepted(Guid attemptId, string sid, long milliseconds);

    [LoggerMessage(LogLevel.Debug, "Attempt {AttemptId}: refused ({Class}, {Code}: {Words}) in {Milliseconds} ms")]
    private partial void LogRefused(Guid attemptId, FailureClass @class, int code, string words, long milliseconds);

    [LoggerMessage(LogLevel.Debug, "Attempt {AttemptId}: never left ({Reason}) in {Milliseconds} ms")]
    private partial void LogNeverLeft(Guid attemptId, string reason, long milliseconds);

    [LoggerMessage(LogLevel.Debug, "Attempt {AttemptId}: too late to leave after {Milliseconds} ms")]
    private partial void LogTooLate(Guid attemptId, long milliseconds);

    [LoggerMessage(LogLevel.Debug, "Attempt {AttemptId}: outcome unknown ({Reason}) in {Milliseconds} ms, to be reconciled")]
    private partial void LogUnknown(Guid attemptId, string reason, long milliseconds);

    [LoggerMessage(LogLevel.Debug,
        "Attempt {AttemptId}: HTTP {Status}, Twilio-Request-Id {RequestId}, Twilio-Concurrent-Requests {Concurrent}")]
    private partial void LogReply(Guid attemptId, int status, string? requestId, string? concurrent);
}
