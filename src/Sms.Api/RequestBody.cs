using System.Text.Json;
using System.Text.Unicode;
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

    /// <exception cref="ProblemException">The request is no JSON object of this shape.</exception>
    public static async Task<T> ReadAsync<T>(HttpRequest request)
        where T : class
    {
        if (!request.HasJsonContentType())
            throw new ProblemException(Problem.Of(StatusCodes.Status415UnsupportedMediaType, "unsupported_media_type", "The request must be application/json."));

        using var buffer = new MemoryStream();
        await ReadAsync(request, buffer);
        var bytes = new ReadOnlyMemory<byte>(buffer.GetBuffer(), 0, (int)buffer.Length);
        if (!Utf8.IsValid(bytes.Span))
            throw Malformed("it is not UTF-8");
        try
        {
            CheckText(bytes.Span);
        }
        catch (JsonException e)
        {
            throw Malformed($"line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}");
        }

        return Bind(() => JsonSerializer.Deserialize<T>(bytes.Span, ApiJson.Options));
    }

    private static async Task ReadAsync(HttpRequest request, MemoryStream buffer)
    {
        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = MaxDrainedBytes;
        var aborted = request.HttpContext.RequestAborted;
        var chunk = new byte[16 * 1024];
        var tooLong = false;
        for (int read; (read = await request.Body.ReadAsync(chunk, aborted)) > 0;)
        {
            tooLong |= buffer.Length + read > MaxBytes;
            if (!tooLong)
                await buffer.WriteAsync(chunk.AsMemory(0, read), aborted);
        }

        if (tooLong)
            throw new ProblemException(TooLong);
    }

    public static Problem TooLong { get; } =
        Problem.Of(StatusCodes.Status413PayloadTooLarge, "payload_too_large", $"The request is longer than {MaxBytes} bytes.");

    /// <summary>A member of a request that was parsed already.</summary>
    /// <exception cref="ProblemException">It is no JSON object of this shape.</exception>
    public static T Read<T>(JsonElement element)
        where T : class => Bind(() => element.Deserialize<T>(ApiJson.Options));

    private static T Bind<T>(Func<T?> deserialize)
        where T : class
    {
        try
        {
            return deserialize() ?? throw Malformed("it is null");
        }
        catch (JsonException e)
        {
            var member = e.Path is null or "$" ? "body" : e.Path.TrimStart('$').TrimStart('.');
            var what = e.InnerException is null && e.Message.StartsWith("must be", StringComparison.Ordinal)
                ? e.Message.Split(" Path:")[0]
                : "has the wrong type, or is given twice";
            throw new ProblemException(Problem.Invalid(member, what));
        }
    }

    /// <summary>Every string is looked at once, so that no text with U+0000 or half a surrogate pair gets any further.</summary>
    private static void CheckText(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        while (reader.Read())
        {
            if (reader.TokenType is not (JsonTokenType.String or JsonTokenType.PropertyName) || !reader.ValueIsEscaped)
                continue;
            string? text;
            try
            {
                text = reader.GetString();
            }
            catch (InvalidOperationException)
            {
                text = null;
            }

            if (text is null || !SmsText.IsValid(text))
                throw new ProblemException(Problem.Of(StatusCodes.Status422UnprocessableEntity, "invalid_text", "A text has U+0000 or half a surrogate pair."));
        }
    }

    private static ProblemException Malformed(string where) =>
        new(Problem.Of(StatusCodes.Status400BadRequest, "malformed_json", $"The request is not valid JSON: {where}."));
}
