using NodaTime;
using Sms.Domain.Attempts;
using Sms.Domain.Phones;
using Sms.Ports;

namespace Sms.Silo.Twilio;

/// <summary>Stands in when nobody carries messages: nothing ever leaves.</summary>
internal sealed class DisabledProvider : IMessageProvider
{
    public bool IsEnabled => false;

    public Sender? DefaultSender => null;

    public Task<ProviderOutcome> CreateAsync(ProviderRequest request, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return Task.FromResult<ProviderOutcome>(new ProviderOutcome.NeverLeft("sending is disabled"));
    }

    public Task<LookupOutcome> ListAsync(PhoneNumber to, Instant since, CancellationToken cancellationToken) => Unanswered();

    public Task<LookupOutcome> FetchAsync(string sid, CancellationToken cancellationToken) => Unanswered();

    private static Task<LookupOutcome> Unanswered() =>
        Task.FromResult<LookupOutcome>(new LookupOutcome.Failed("sending is disabled"));
}
