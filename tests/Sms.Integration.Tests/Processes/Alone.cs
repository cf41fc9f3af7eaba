namespace Sms.Integration.Tests.Processes;

/// <summary>
/// Tests of clusters of processes run when the others are done: beside them on two cores a silo may not get to answer
/// a probe in time, and would rightly be declared dead.
/// </summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
