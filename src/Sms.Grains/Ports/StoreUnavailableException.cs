namespace Sms.Ports;

/// <summary>
/// The database did not answer, or not in a way that says whether the write happened. Nothing may be assumed: the
/// call is repeated under the same ids, which changes nothing if it did happen.
/// </summary>
[GenerateSerializer, Alias("sms.store-unavailable")]
public sealed class StoreUnavailableException : Exception
{
    public StoreUnavailableException()
    {
    }

    public StoreUnavailableException(string message)
        : base(message)
    {
    }

    /// <param name="message">What happened, in words that may cross the wire.</param>
    /// <param name="cause">
    /// The driver's exception. It is no inner exception, because those cross the wire too, where nobody can read it: the
    /// caller would see a fault where it should see that it may call again.
    /// </param>
    public StoreUnavailableException(string message, Exception cause)
        : base(message) => Cause = cause;

    /// <summary>Turned away before the database was asked, or a read that took too long: nothing of this call was written, and asking again at once would not help.</summary>
    [Id(0)]
    public bool IsUnwritten { get; init; }

    /// <summary>One row may be to blame, locked by somebody: its neighbours in a group go by themselves.</summary>
    [Id(1)]
    public bool MayConcernOne { get; init; }

    /// <summary>The driver's exception, in the process in which it was thrown.</summary>
    [field: NonSerialized]
    public Exception? Cause { get; }
}
