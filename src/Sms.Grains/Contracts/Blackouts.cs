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
