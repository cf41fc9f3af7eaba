using System.Text.Json;
using System.Text.Json.Serialization;
using NodaTime;
using NodaTime.Text;

namespace Sms.Api;

/// <summary>How JSON is written and read: camelCase, nulls shown, instants in RFC 3339 UTC.</summary>
public static class ApiJson
{
    public static JsonSerializerOptions Options { get; } = Configure(new JsonSerializerOptions(JsonSerializerDefaults.Web));

    public static JsonSerializerOptions Configure(JsonSerializerOptions options)
    {
        options.AllowDuplicateProperties = false;
        options.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
        options.NumberHandling = JsonNumberHandling.Strict;
        options.Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
        options.Converters.Add(new TimeConverter());
        options.Converters.Add(new InstantConverter());
        options.Converters.Add(new StrictGuidConverter());
        return options;
    }

    private static readonly InstantPattern Written = InstantPattern.CreateWithInvariantCulture("uuuu-MM-dd'T'HH:mm:ss.FFFFFF'Z'");

    /// <summary>The API's spelling of the database's: <c>time_zone</c> is <c>timeZone</c>.</summary>
    internal static string CamelCase(string snakeCase) =>
        string.Concat(snakeCase.Split('_').Select((word, n) => n == 0 || word.Length == 0 ? word : char.ToUpperInvariant(word[0]) + word[1..]));

    /// <summary>
    /// Reads an RFC 3339 time with any offset. One that lies outside the years 1 to 9999 in UTC is none: neither the
    /// wire nor the database could keep it. What is finer than a microsecond is cut off.
    /// </summary>
    public static bool TryReadInstant(string text, out Instant at)
    {
        at = default;
        // The letters may be small ones, says RFC 3339.
        if (OffsetDateTimePattern.Rfc3339.Parse(text.ToUpperInvariant()) is not { Success: true } parsed || !IsKeepable(parsed.Value))
            return false;
        // The database keeps microseconds, and would round.
        var ticks = parsed.Value.ToInstant().ToUnixTimeTicks();
        at = Instant.FromUnixTimeTicks(ticks - (((ticks % 10) + 10) % 10));
        return true;
    }

    /// <summary>Reads a UUID in its usual form, and in no other that .NET takes for one: with spaces around it, + or 0x within.</summary>
    internal static bool TryReadId(string? text, out Guid id)
    {
        Span<char> usual = stackalloc char[36];
        return Guid.TryParseExact(text, "D", out id) && id.TryFormat(usual, out _) && ((ReadOnlySpan<char>)usual).Equals(text, StringComparison.OrdinalIgnoreCase);
    }

    private static bool IsKeepable(OffsetDateTime time)
    {
        // Not by way of an instant: beyond the years that NodaTime counts there is none.
        var sinceFirst = Duration.FromDays(Period.DaysBetween(FirstDay, time.Date))
            + Duration.FromNanoseconds(time.NanosecondOfDay) - Duration.FromTicks(time.Offset.Ticks);
        return sinceFirst >= Duration.Zero && sinceFirst < Duration.FromDays(Period.DaysBetween(FirstDay, LastDay) + 1);
    }

    private static readonly LocalDate FirstDay = new(1, 1, 1);
    private static readonly LocalDate LastDay = new(9999, 12, 31);

    private sealed class InstantConverter : JsonConverter<Instant>
    {
        public override Instant Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            var text = reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
            return text is not null && TryReadInstant(text, out var at)
                ? at
                : throw new JsonException("must be an instant such as 2026-11-22T13:00:00Z");
        }

        public override void Write(Utf8JsonWriter writer, Instant value, JsonSerializerOptions options) => writer.WriteStringValue(Written.Format(value));
    }

    private sealed class TimeConverter : JsonConverter<DateTimeOffset>
    {
        public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            throw new NotSupportedException("Requests carry instants.");

        public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
            writer.WriteStringValue(Written.Format(Instant.FromDateTimeOffset(value)));
    }

    private sealed class StrictGuidConverter : JsonConverter<Guid>
    {
        public override Guid Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.String && TryReadId(reader.GetString(), out var id)
                ? id
                : throw new JsonException("must be a UUID");

        public override void Write(Utf8JsonWriter writer, Guid value, JsonSerializerOptions options) => writer.WriteStringValue(value);
    }
}
