using System.Text.Json;

namespace Sms.Domain.Tests;

/// <summary>Facts from independent sources, copied beside the tests.</summary>
internal static class Vectors
{
    public static JsonElement Read(string name)
    {
        using var stream = File.OpenRead(Path.Combine(AppContext.BaseDirectory, "vectors", name));
        using var document = JsonDocument.Parse(stream);
        return document.RootElement.Clone();
    }

    /// <summary>The text of a property that must be there and must not be null.</summary>
    public static string Text(this JsonElement element, string property) =>
        element.GetProperty(property).GetString() ?? throw new InvalidDataException($"{property} is null.");
}
