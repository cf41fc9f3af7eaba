namespace Sms.Contracts;

/// <summary>Days on which marketing is stopped by hand.</summary>
/// <param name="Id">Chosen by whoever made it.</param>
/// <param name="State">Two letters; null: everywhere.</param>
/// <param name="From">The first day, on the recipient's calendar.</param>
/// <param name="Until">The last day, included.</param>
/// <param name="Reason">In somebody's words.</param>
[GenerateSerializer, Immutable, Alias("sms.blackout-view")]
public sealed record BlackoutView(
    [property: Id(0)] Guid Id, [property: Id(1)] string? State, [property: Id(2)] DateOnly From, [property: Id(3)] DateOnly Until,
    [property: Id(4)] string? Reason);

/// <param name="Revision">Grows with every change.</param>
/// <param name="Data">By their first day.</param>
[GenerateSerializer, Immutable, Alias("sms.blackout-list")]
public sealed record BlackoutList([property: Id(0)] long Revision, [property: Id(1)] BlackoutView[] Data);

/// <summary>A change of the calendar.</summary>
/// <param name="Revision">Of the calendar since then.</param>
/// <param name="At">When it was made.</param>
/// <param name="Actor">Who made it.</param>
/// <param name="Action">made, changed or lifted.</param>
/// <param name="Blackout">As it was then; of one that was lifted as it was before.</param>
[GenerateSerializer, Immutable, Alias("sms.blackout-change")]
public sealed record BlackoutChange(
    [property: Id(0)] long Revision, [property: Id(1)] DateTimeOffset At, [property: Id(2)] string Actor, [property: Id(3)] string Action,
    [property: Id(4)] BlackoutView Blackout);

/// <param name="Data">Newest first.</param>
/// <param name="NextCursor">Where the next page starts; null on the last.</param>
[GenerateSerializer, Immutable, Alias("sms.blackout-history")]
public sealed record BlackoutHistory([property: Id(0)] BlackoutChange[] Data, [property: Id(1)] string? NextCursor);
