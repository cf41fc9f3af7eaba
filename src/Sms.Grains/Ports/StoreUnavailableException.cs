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

    public StoreUnavailableException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
