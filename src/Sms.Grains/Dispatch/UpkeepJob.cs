namespace Sms.Dispatch;

/// <summary>Something that is done again and again beside the sends, once for the whole cluster.</summary>
/// <param name="Name">A word, for figures and logs.</param>
/// <param name="Every">From the beginning of one run to that of the next; a run that takes longer is joined by no other.</param>
/// <param name="RunAsync">One run. It may throw: that is counted and logged, and it runs again after its period, a minute at most.</param>
internal sealed record UpkeepJob(string Name, TimeSpan Every, Func<CancellationToken, Task> RunAsync);
