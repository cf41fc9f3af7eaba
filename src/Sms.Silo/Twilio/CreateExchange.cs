using System.Text.Json;
using HttpCall = Twilio.Http.Request;

namespace Sms.Silo.Twilio;

/// <summary>The exchange of one attempt: it leaves once, and only while its departure allows.</summary>
internal sealed class CreateExchange(TwilioAccount account, Departure departure)
    : Exchange(account, BoundedBody.MaxBytes, departure.Wire)
{
    // JSON for "no message": the package makes null of it.
    private const string Nothing = "null";

    protected override HttpRequestMessage Write(HttpCall request) => new(HttpMethod.Post, Account.MessagesUrl)
    {
        Content = new OneTimeContent(Form.Write(request.PostParams), departure),
    };

    /// <summary>
    /// Of a success the package sees the SID alone: one odd field beside it would make the package report an accepted
    /// message as failed, and reading all twenty takes as long as the rest of the call.
    /// </summary>
    protected override string ForPackage(HttpResponseMessage response, ReadOnlySpan<byte> body) =>
        !response.IsSuccessStatusCode ? base.ForPackage(response, body)
        : FindSid(body) is { } sid ? $$"""{"sid":"{{sid}}"}"""
        : Nothing;

    private static string? FindSid(ReadOnlySpan<byte> body)
    {
        try
        {
            var reader = new Utf8JsonReader(body);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
                return null;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isSid = reader.ValueTextEquals("sid"u8);
                reader.Read();
                if (isSid)
                    return reader.TokenType == JsonTokenType.String && reader.GetString() is var sid && MessageSid.IsValid(sid) ? sid : null;
                reader.Skip();
            }

            return null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // A proxy's page, a cut reply, or half a surrogate pair: the message most likely exists, and nobody said as what.
            return null;
        }
    }
}
