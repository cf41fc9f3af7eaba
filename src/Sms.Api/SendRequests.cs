using System.Globalization;
using System.Text;
using System.Text.Json;
using NodaTime;
using Sms.Contracts;
using Sms.Domain.Sending;

namespace Sms.Api;

/// <summary>Checks the shape of a send and turns it into the cluster's command; the rules are the business grain's.</summary>
internal static class SendRequests
{
    private const int MaxMetadataBytes = 2048;
    private const int MaxVariables = 100;
    // What a request means whose category is not said, in its hash and to a silo that knows of no other default.
    private const string Marketing = "marketing";
    private static readonly string[] Categories = ["marketing", "transactional", "otp"];
    // What a request means that does not say otherwise.
    private static readonly Dictionary<string, string> Unsaid = new(StringComparer.Ordinal) { ["category"] = Marketing };

    private static readonly Duration FarthestAhead = Duration.FromDays(366);

    /// <exception cref="ProblemException">The shape is not right.</exception>
    public static SendCommand ToCommand(SendMessageRequest request, string? idempotencyKey, Guid messageId, Instant now)
    {
        if (request.CustomerId is null && request.To is null)
            throw Invalid("to", "or customerId is required");
        if (request.CustomerId is not null && request.To is not null)
            throw Invalid("to", "and customerId exclude each other");
        if (request.Body is not null && request.TemplateId is not null)
            throw Invalid("body", "and templateId exclude each other");
        if (request.Body is null && request.TemplateId is null)
            throw new ProblemException(Problem.Of(new Refusal("body_required", "The message has neither body nor templateId.")));
        if (request.Category is { } category && !Categories.Contains(category, StringComparer.Ordinal))
            throw Invalid("category", $"must be one of {string.Join(", ", Categories)}");
        if (request.SendAt > now + FarthestAhead)
            throw Invalid("sendAt", "must be within a year");
        if (request.ValidUntil > now + FarthestAhead)
            throw Invalid("validUntil", "must be within a year");
        if (request.SendAt >= request.ValidUntil)
            throw Invalid("validUntil", "must be after sendAt");
        if (request.Variables?.Count > MaxVariables)
            throw Invalid("variables", $"must be at most {MaxVariables}");
        if (request.Variables?.FirstOrDefault(v => v.Value is null).Key is { } nameless)
            throw Invalid($"variables.{nameless}", "must be a text");
        if (request.Variables?.FirstOrDefault(v => v.Value.Length > BusinessSettings.MaxBodyLimit).Key is { } endless)
            throw new ProblemException(Problem.Of(new Refusal("body_too_long", $"variables.{endless} has more than {BusinessSettings.MaxBodyLimit} UTF-16 units: no text has room for it.")));

        return new SendCommand
        {
            MessageId = messageId,
            CustomerId = request.CustomerId,
            To = request.To,
            Body = request.Body,
            TemplateId = request.TemplateId,
            Variables = request.Variables,
            Category = request.Category ?? Marketing,
            IsCategoryUnsaid = request.Category is null,
            SendAt = request.SendAt?.ToDateTimeOffset(),
            ValidUntil = request.ValidUntil?.ToDateTimeOffset(),
            Metadata = Metadata(request.Metadata),
            IdempotencyKey = idempotencyKey,
            RequestHash = idempotencyKey is null ? null : Hash(request),
        };
    }

    /// <summary>The header's key; null when there is none.</summary>
    /// <exception cref="ProblemException">It is not 1 to 255 visible ASCII characters.</exception>
    public static string? IdempotencyKey(HttpRequest request)
    {
        if (!request.Headers.TryGetValue("Idempotency-Key", out var values))
            return null;
        return CheckKey(values.Count == 1 ? values[0] : null);
    }

    /// <summary>
    /// The key of an entry of a batch: its own, else one made of the request's and the entry's place, with a space that
    /// no client's key has.
    /// </summary>
    /// <exception cref="ProblemException">It is not 1 to 255 visible ASCII characters.</exception>
    public static string? EntryKey(BatchEntry entry, string? wholeKey, int index) =>
        entry.IdempotencyKey is { } own ? CheckKey(own) : wholeKey is null ? null : string.Create(CultureInfo.InvariantCulture, $"{wholeKey} {index}");

    /// <exception cref="ProblemException">It is not 1 to 255 visible ASCII characters.</exception>
    private static string CheckKey(string? key) =>
        key is { Length: >= 1 and <= 255 } && key.All(c => c is >= '!' and <= '~')
            ? key
            : throw new ProblemException(Problem.Of(
                StatusCodes.Status400BadRequest, "invalid_idempotency_key", "Idempotency-Key must be 1 to 255 visible ASCII characters."));

    private static string Metadata(JsonElement? metadata)
    {
        if (metadata is not { ValueKind: not JsonValueKind.Null } element)
            return "{}";
        if (element.ValueKind != JsonValueKind.Object)
            throw Invalid("metadata", "must be an object");
        var text = element.GetRawText();
        return Encoding.UTF8.GetByteCount(text) <= MaxMetadataBytes ? text : throw Invalid("metadata", $"must have at most {MaxMetadataBytes} bytes");
    }

    /// <summary>Of what was asked, not of how it was written.</summary>
    private static string Hash(SendMessageRequest request) =>
        RequestDigest.Of(JsonSerializer.SerializeToElement<SendMessageRequest>(request, ApiJson.Options), Unsaid);

    private static ProblemException Invalid(string member, string what) => new(Problem.Invalid(member, what));
}
