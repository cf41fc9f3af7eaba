using System.Collections.Concurrent;
using System.Security.Cryptography;
using NodaTime;
using Sms.Ports;

namespace Sms.Testing;

/// <summary>A provider in memory: it accepts unless told otherwise, and remembers every request with its instant.</summary>
public sealed class FakeProvider(IClock clock) : IMessageProvider
{
    private readonly ConcurrentQueue<Func<ProviderRequest, Task<ProviderOutcome>>> _script = new();
    private readonly List<(ProviderRequest Request, Instant At)> _requests = [];
    private readonly List<(Func<IReadOnlyList<(ProviderRequest Request, Instant At)>, bool> Condition, TaskCompletionSource Signal)> _waiting = [];

    public bool IsEnabled => true;

    public Sender? DefaultSender { get; } = new("+15005550006", MessagingServiceSid: null);

    /// <summary>All requests so far, in the order of their arrival.</summary>
    public IReadOnlyList<(ProviderRequest Request, Instant At)> Requests
    {
        get
        {
            lock (_requests)
                return [.. _requests];
        }
    }

    /// <summary>The next request that is not spoken for ends so.</summary>
    public void Next(ProviderOutcome outcome, int count = 1)
    {
        for (var n = 0; n < count; n++)
            _script.Enqueue(_ => Task.FromResult(outcome));
    }

    /// <summary>The next request ends when the returned source says how.</summary>
    public TaskCompletionSource<ProviderOutcome> Hold()
    {
        var held = new TaskCompletionSource<ProviderOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        _script.Enqueue(_ => held.Task);
        return held;
    }

    public static ProviderOutcome.Accepted Accepted() => new("SM" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)));

    public Task<ProviderOutcome> CreateAsync(ProviderRequest request, CancellationToken cancellationToken)
    {
        lock (_requests)
        {
            _requests.Add((request, clock.GetCurrentInstant()));
            foreach (var (condition, signal) in _waiting)
            {
                if (condition(_requests))
                    signal.TrySetResult();
            }
        }

        return _script.TryDequeue(out var script) ? script(request) : Task.FromResult<ProviderOutcome>(Accepted());
    }

    /// <summary>Completes when there are so many requests.</summary>
    public Task WhenAsync(int requests)
    {
        lock (_requests)
        {
            if (_requests.Count >= requests)
                return Task.CompletedTask;
            var signal = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Add((all => all.Count >= requests, signal));
            return signal.Task;
        }
    }
}
