using System.Text;

namespace Sms.Domain.Sending;

/// <summary>Texts with places to fill: <c>Hello {{name}}</c>.</summary>
public static class MessageTemplate
{
    /// <summary>Fills the places. Values are not looked into again.</summary>
    /// <param name="template">The text with its places.</param>
    /// <param name="variables">The values by name.</param>
    /// <param name="most">UTF-16 units: what would become longer is not made, however many places there are.</param>
    /// <param name="text">The text; the template when it is not made.</param>
    /// <param name="missing">The first place without a value; null when the text becomes too long before it, or there is none.</param>
    /// <returns>False when a value is missing or the text too long.</returns>
    public static bool TryRender(string template, IReadOnlyDictionary<string, string>? variables, int most, out string text, out string? missing)
    {
        var rendered = new StringBuilder();
        var position = 0;
        (text, missing) = (template, null);
        while (template.IndexOf("{{", position, StringComparison.Ordinal) is var open and >= 0
            && template.IndexOf("}}", open, StringComparison.Ordinal) is var close and >= 0)
        {
            var name = template[(open + 2)..close].Trim();
            if (variables is null || !variables.TryGetValue(name, out var value))
            {
                missing = name;
                return false;
            }

            if (rendered.Length + (open - position) + value.Length > most)
                return false;
            rendered.Append(template, position, open - position).Append(value);
            position = close + 2;
        }

        if (rendered.Length + (template.Length - position) > most)
            return false;
        text = rendered.Append(template, position, template.Length - position).ToString();
        return true;
    }
}
