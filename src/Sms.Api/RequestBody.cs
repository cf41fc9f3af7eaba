using System.Text.Json;
using System.Text.Unicode;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Sms.Domain.Segments;

namespace Sms.Api;

/// <summary>Reads a JSON object, or ends the request with a problem that says what is wrong with it.</summary>
internal static class RequestBody
{
    /// <summary>The longest request, in bytes: 1 MiB.</summary>
    public const int MaxBytes = 1024 * 1024;

    /// <summary>
    /// How much of a request that is too long is still read before the answer: a connection closed in the middle of
    /// its request shows most clients a broken pipe and not the 413.
    /// </summary>
    private const int MaxDrainedBytes = 16 * MaxBytes;

    /// <summary>How deep a request may nest; an entry of a batch is a request of its own.</summary>
    private const int MaxDepth = 64;

    private static readonly JsonSerializerOptions AnyDepth = new(ApiJson.Options) { MaxDepth = MaxBytes };

    /// <exception cref="ProblemException">The request is no JSON object of this shape.</exception>
    public static async Task<T> ReadAsync<T>(HttpRequest request)
        where T : class => Read<T>(await ReadJsonAsync(request));

    /// <summary>A batch, of whose entries nothing is read yet: what is wrong within one is that one's fault.</summary>
    /// <exception cref="ProblemException">The request is no JSON object with an array of messages.</exception>
    public static async Task<SendBatchRequest> ReadBatchAsync(HttpRequest request)
    {
        var json = await ReadJsonAsync(request);
        Check(json, textDepth: 1, maxDepth: MaxBytes);
        return Bind<SendBatchRequest>(json, AnyDepth) with { Json = json };
    }

    /// <summary>Reads an entry of a batch, or any JSON object.</summary>
    /// <exception cref="ProblemException">They are no JSON object of this shape.</exception>
    public static T Read<T>(ReadOnlyMemory<byte> json)
        where T : class
    {
        Check(json, textDepth: int.MaxValue, MaxDepth);
        return Bind<T>(json, ApiJson.Options);
    }

    /// <summary>For calls that ask for nothing: what is sent all the same must be an object without members, or none is silently ignored.</summary>
    /// <exception cref="ProblemException">It is not.</exception>
    public static async Task RequireNothingAsync(HttpRequest request)
    {
        if (request.HttpContext.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false })
            return;
        var bytes = await ReadBytesAsync(request);
        if (bytes.Length > 0)
            Read<NothingRequest>(Utf8.IsValid(bytes.Span) ? bytes : throw Malformed("it is not UTF-8"));
    }

    private static async Task<ReadOnlyMemory<byte>> ReadJsonAsync(HttpRequest request)
    {
        if (!request.HasJsonContentType())
            throw new ProblemException(Problem.Of(StatusCodes.Status415UnsupportedMediaType, "unsupported_media_type", "Content-Type must be application/json."));
        var bytes = await ReadBytesAsync(request);
        return Utf8.IsValid(bytes.Span) ? bytes : throw Malformed("it is not UTF-8");
    }

    /// <summary>The whole body.</summary>
    /// <exception cref="ProblemException">
    /// It is longer than <paramref name="maxBytes"/>, there is no room for it, or it did not arrive in time.
    /// </exception>
    public static async Task<ReadOnlyMemory<byte>> ReadBytesAsync(HttpRequest request, int maxBytes = MaxBytes)
    {
        var http = request.HttpContext;
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = MaxDrainedBytes;
        // What is said of the length is believed for a short one only.
        var body = new MemoryStream((int)Math.Min(request.ContentLength ?? 0, 4096));
        var place = Place.Of(http);
        Problem? refusal = null;
        try
        {
            for (var isEnd = false; !isEnd;)
            {
                // Most bodies have come with their head: they wait for nothing.
                if (!request.BodyReader.TryRead(out var read))
                    read = await request.BodyReader.ReadAsync(place.Wait(http.RequestAborted));
                var arrived = read.Buffer.Length;
                if (refusal is null)
                {
                    refusal = body.Length + arrived > maxBytes ? TooLong(maxBytes) : place.Take((int)arrived);
                    if (refusal is null)
                    {
                        foreach (var part in read.Buffer)
                            body.Write(part.Span);
                    }
                    else
                    {
                        body = new MemoryStream();
                        place.DropBody();
                    }
                }

                request.BodyReader.AdvanceTo(read.Buffer.End);
                isEnd = read.IsCompleted;
            }
        }
        catch (OperationCanceledException) when (!http.RequestAborted.IsCancellationRequested)
        {
            // What comes yet is not waited for.
            http.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
            throw new ProblemException(refusal ?? place.Refusal ?? TooSlow);
        }
        catch (IOException e) when (e is not BadHttpRequestException)
        {
            // The chunks have no form, or the client is gone.
            throw new BadHttpRequestException("The body cannot be read.", e);
        }

        return refusal is null ? new ReadOnlyMemory<byte>(body.GetBuffer(), 0, (int)body.Length) : throw new ProblemException(refusal);
    }

    public static Problem TooLong(int maxBytes) =>
        Problem.Of(StatusCodes.Status413PayloadTooLarge, "payload_too_large", $"The request is longer than {maxBytes} bytes.");

    public static Problem TooSlow { get; } =
        Problem.Of(StatusCodes.Status408RequestTimeout, "request_timeout", "The request's body did not arrive in time. Nothing was done.");

    private static T Bind<T>(ReadOnlyMemory<byte> json, JsonSerializerOptions options)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(json.Span, options) ?? throw Malformed("it is null");
        }
        catch (JsonException e)
        {
            if (UnknownNames.FindMember(json.Span, typeof(T), options) is { } unknown)
                throw new ProblemException(unknown);
            // Not "body", which is a member of some.
            var member = e.Path is null or "$" ? "request" : e.Path.TrimStart('$').TrimStart('.');
            var what = e.InnerException is null && e.Message.StartsWith("must be", StringComparison.Ordinal)
                ? e.Message.Split(" Path:")[0]
                : "has the wrong type, or is given twice";
            throw new ProblemException(Problem.Invalid(member, what));
        }
    }

    /// <summary>Whether it is JSON, without text that has U+0000 or half a surrogate pair: that must not get any further.</summary>
    /// <param name="json">UTF-8.</param>
    /// <param name="textDepth">Texts that lie deeper are not looked at.</param>
    /// <param name="maxDepth">What is nested deeper is refused.</param>
    private static void Check(ReadOnlyMemory<byte> json, int textDepth, int maxDepth)
    {
        var reader = new Utf8JsonReader(json.Span, new JsonReaderOptions { MaxDepth = maxDepth });
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped
                    && reader.CurrentDepth <= textDepth && !IsText(ref reader))
                {
                    throw new ProblemException(Problem.Of(StatusCodes.Status422UnprocessableEntity, "invalid_text", "A text has U+0000 or half a surrogate pair."));
                }
            }
        }
        catch (JsonException e)
        {
            throw Malformed($"line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}");
        }
    }

    private static bool IsText(ref Utf8JsonReader reader)
    {
        try
        {
            return SmsText.IsValid(reader.GetString()!);
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private static ProblemException Malformed(string where) =>
        new(Problem.Of(StatusCodes.Status400BadRequest, "malformed_json", $"The request is not valid JSON: {where}."));
}
