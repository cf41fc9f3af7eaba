using System.Text;

namespace Sms.Domain.Sending;

/// <summary>Texts with places to fill: <c>Hello {{name}}</c>.</summary>
public static class MessageTemplate
{
    /// <summary>Fills the places; false names the first that has no value. Values are not looked into again.</summary>
    public static bool TryRender(string template, IReadOnlyDictionary<string, string>? variables, out string text, out string? missing)
    {
        var rendered = new StringBuilder(template.Length);
        var position = 0;
        missing = null;
        while (template.IndexOf("{{", position, StringComparison.Ordinal) is var open and >= 0
            && template.IndexOf("}}", open, StringComparison.Ordinal) is var close and >= 0)
        {
            var name = template[(open + 2)..close].Trim();
            if (variables is null || !variables.TryGetValue(name, out var value))
            {
                (text, missing) = (template, name);
                return false;
            }

            rendered.Append(template, position, open - position).Append(value);
            position = close + 2;
        }

        text = rendered.Append(template, position, template.Length - position).ToString();
        return true;
    }
}
