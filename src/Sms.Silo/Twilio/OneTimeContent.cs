using System.Net;

namespace Sms.Silo.Twilio;

/// <summary>
/// A form that is written to at most one socket, and only while its departure allows. The handler below us repeats a
/// request by itself where it thinks that safe; Twilio has no idempotency key, so the second write is refused here.
/// The request's head is still in the handler's buffer when the body is asked for, and without the body
/// there is no message: the departure is the moment before which nothing can have been accepted.
/// </summary>
internal sealed class OneTimeContent : HttpContent
{
    private readonly byte[] form;
    private readonly Departure departure;

    public OneTimeContent(byte[] form, Departure departure)
    {
        this.form = form;
        this.departure = departure;
        Headers.TryAddWithoutValidation("Content-Type", "application/x-www-form-urlencoded");
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override Task SerializeToStreamAsync(
        Stream stream, TransportContext? context, CancellationToken cancellationToken) =>
        departure.TryLeave()
            ? stream.WriteAsync(form, cancellationToken).AsTask()
            : throw new HttpRequestException("The attempt must not leave, or not again.");

    protected override bool TryComputeLength(out long length)
    {
        length = form.Length;
        return true;
    }
}
