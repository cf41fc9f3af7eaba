using Sms.Contracts;
using Sms.Dispatch;
using Sms.Ports;

namespace Sms.Api;

/// <summary>
/// Status callbacks on their way into the cluster: those that come together go in one call, and into the database in one
/// statement. There are four for each text.
/// </summary>
internal sealed class StatusReports : IAsyncDisposable
{
    /// <summary>The provider's client goes after some seconds; what it could not tell is asked for later.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    private readonly Func<StatusCallback[], Task<string[]>> _apply;
    private readonly Batcher<Keyed<StatusCallback>, string> _batcher;

    /// <param name="apply">As <see cref="IWebhookGrain.StatusAsync"/>.</param>
    public StatusReports(Func<StatusCallback[], Task<string[]>> apply)
    {
        _apply = apply;
        _batcher = new("apply_callback", c => c.Key, ApplyAsync, patience: Patience);
    }

    /// <returns>applied, repeated, conflict, double or unknown, when that is durable.</returns>
    /// <exception cref="StoreUnavailableException">The cluster or its database did not answer, or there is no room and nothing was written.</exception>
    public Task<string> AddAsync(StatusCallback callback) => _batcher.AddAsync(new(callback));

    public ValueTask DisposeAsync() => _batcher.DisposeAsync();

    private async Task<IReadOnlyDictionary<Guid, string>> ApplyAsync(IReadOnlyList<Keyed<StatusCallback>> items)
    {
        try
        {
            var outcomes = await _apply([.. items.Select(i => i.Value)]);
            // Whose message somebody else has locked goes again.
            return items.Select((item, n) => (item.Key, Outcome: outcomes[n])).Where(i => i.Outcome != "locked").ToDictionary(i => i.Key, i => i.Outcome);
        }
        catch (Exception e) when (e is not StoreUnavailableException && LostCalls.IsLost(e))
        {
            // The fate of all: one by one they would only wait for the same silo.
            throw new StoreUnavailableException("The cluster did not answer.", e);
        }
    }
}
