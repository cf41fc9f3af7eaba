using System.Threading.Channels;

namespace Sms.Silo.Simulator;

/// <summary>
/// Posts status callbacks, a bounded number at once from a bounded queue, repeats those that fail as their URL asks,
/// and writes each answer into the ledger.
/// </summary>
internal sealed class Postman : IAsyncDisposable
{
    private readonly WebhookClient client;
    private readonly SimulatorLedger ledger;
    private readonly TimeProvider time;
    private readonly Channel<Errand> queue;
    private readonly CancellationTokenSource stop = new();
    private readonly CancellationToken stopping;
    private readonly Task[] workers;

    public Postman(TwilioSimulatorOptions options, WebhookClient client, SimulatorLedger ledger, TimeProvider time)
    {
        this.client = client;
        this.ledger = ledger;
        this.time = time;
        stopping = stop.Token;
        queue = Channel.CreateBounded<Errand>(options.CallbackQueue);
        workers = [.. Enumerable.Range(0, options.CallbackConcurrency).Select(_ => Task.Run(WorkAsync))];
    }

    /// <summary>Queues it; the task completes when it was answered, given up or dropped, and is cancelled at the end.</summary>
    public Task Post(StatusReport report, bool isForged)
    {
        var errand = new Errand(report, isForged, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        if (!queue.Writer.TryWrite(errand))
        {
            Record(report, WebhookReply.None("dropped: too many callbacks are waiting", WebhookFailures.None));
            errand.Done.SetResult();
        }

        return errand.Done.Task.WaitAsync(stopping);
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await Task.WhenAll(workers);
        stop.Dispose();
    }

    private async Task WorkAsync()
    {
        try
        {
            await foreach (var errand in queue.Reader.ReadAllAsync(stopping))
            {
                await TryRunAsync(errand);
                errand.Done.SetResult();
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The simulator stops; what was not posted is lost, as it would be if Twilio stopped.
        }
    }

    /// <summary>Whatever one callback meets (an address that is none, say), its worker goes on with the next.</summary>
    private async Task TryRunAsync(Errand errand)
    {
        try
        {
            await RunAsync(errand);
        }
        catch (Exception e) when (!stopping.IsCancellationRequested)
        {
            Record(errand.Report, WebhookReply.None($"not posted: {e.Message}", WebhookFailures.None));
        }
    }

    private async Task RunAsync(Errand errand)
    {
        var overrides = ConnectionOverrides.Of(errand.Report.Url);
        var deliveryId = Guid.NewGuid();
        for (var repeats = 0; ; repeats++)
        {
            var reply = await client.PostAsync(errand.Report.Url, errand.Report.Form, deliveryId, errand.IsForged, stopping);
            Record(errand.Report, reply);
            if (repeats == overrides.Repeats || (reply.Failure & overrides.Policy) == WebhookFailures.None)
                return;
        }
    }

    private void Record(StatusReport report, WebhookReply reply)
    {
        var callback = new SimulatedCallback(
            report.Status, WebhookSignature.WithoutFragment(report.Url), reply.StatusCode, reply.Error, time.GetUtcNow());
        ledger.Change(report.Sid, message => message with { Callbacks = [.. message.Callbacks, callback] });
    }

    private sealed record Errand(StatusReport Report, bool IsForged, TaskCompletionSource Done);
}
