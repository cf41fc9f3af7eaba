using System.Collections.Concurrent;
using System.Security.Cryptography;
using NodaTime;
using Sms.Domain.Attempts;
using Sms.Domain.Phones;
using Sms.Ports;

namespace Sms.Testing;

/// <summary>A provider in memory: it accepts unless told otherwise, and remembers every request with its instant.</summary>
public sealed class FakeProvider(IClock clock) : IMessageProvider
{
    private readonly ConcurrentQueue<Func<ProviderRequest, Task<ProviderOutcome>>> _script = new();
    private readonly List<(ProviderRequest Request, Instant At)> _requests = [];
    private readonly List<(Func<IReadOnlyList<(ProviderRequest Request, Instant At)>, bool> Condition, TaskCompletionSource Signal)> _waiting = [];

    private readonly ConcurrentBag<TaskCompletionSource<ProviderOutcome>> _held = [];
    private readonly Lock _lookupsAtOnce = new();
    private int _lookups, _lookupsUnderWay;

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

    /// <summary>Requests are accepted from now on, whatever was said before.</summary>
    public void Accept() => _script.Clear();

    /// <summary>The next request ends when the returned source says how.</summary>
    public TaskCompletionSource<ProviderOutcome> Hold()
    {
        var held = new TaskCompletionSource<ProviderOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        _held.Add(held);
        _script.Enqueue(_ => held.Task);
        return held;
    }

    /// <summary>Gives up what is held: a silo that stops waits for it, and would hide why a test failed.</summary>
    public void LetGo()
    {
        foreach (var held in _held)
            held.TrySetCanceled();
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

    /// <summary>What the provider has, as look-ups see it; the tests put it there.</summary>
    public ConcurrentBag<ProviderMessage> Messages { get; } = [];

    /// <summary>While true, look-ups are not answered.</summary>
    public bool LookupsFail { get; set; }

    /// <summary>Look-ups so far.</summary>
    public int Lookups => Volatile.Read(ref _lookups);

    /// <summary>A look-up, by the number or the SID that it asks for, is answered when this completes.</summary>
    public Func<string, Task> BeforeLookup { get; set; } = _ => Task.CompletedTask;

    /// <summary>The most look-ups there ever were at once.</summary>
    public int MostLookupsAtOnce { get; private set; }

    /// <summary>Puts what this request asks for among the provider's messages.</summary>
    public ProviderMessage Take(ProviderRequest request, string status = "sent", int? errorCode = null, Instant? at = null)
    {
        var message = new ProviderMessage(
            Accepted().Sid, request.To.E164, request.Sender.From, request.Sender.MessagingServiceSid, request.Body,
            at ?? clock.GetCurrentInstant(), status, errorCode);
        Messages.Add(message);
        return message;
    }

    public Task<LookupOutcome> ListAsync(PhoneNumber to, Instant since, CancellationToken cancellationToken) =>
        LookUpAsync(to.E164, m => string.Equals(m.To, to.E164, StringComparison.Ordinal));

    public Task<LookupOutcome> FetchAsync(string sid, CancellationToken cancellationToken) =>
        LookUpAsync(sid, m => string.Equals(m.Sid, sid, StringComparison.Ordinal));

    private async Task<LookupOutcome> LookUpAsync(string asked, Func<ProviderMessage, bool> isWanted)
    {
        Interlocked.Increment(ref _lookups);
        lock (_lookupsAtOnce)
            MostLookupsAtOnce = Math.Max(MostLookupsAtOnce, ++_lookupsUnderWay);
        await BeforeLookup(asked);
        lock (_lookupsAtOnce)
            _lookupsUnderWay--;
        return LookupsFail
            ? new LookupOutcome.Failed("told to")
            : new LookupOutcome.Answered([.. Messages.Where(isWanted)]);
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
