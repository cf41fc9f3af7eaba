using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using Sms.Domain.Tables;

namespace Sms.Domain.Segments;

/// <summary>Twilio's published table of characters that Smart Encoding replaces; read at its first use.</summary>
internal static class SmartEncoding
{
    private static readonly Lazy<FrozenDictionary<char, string>> Table = new(Load);

    /// <summary>How many characters are replaced.</summary>
    public static int Count => Table.Value.Count;

    /// <summary>The text with every character of the table replaced; the same instance when there is none.</summary>
    public static string Apply(string body)
    {
        StringBuilder? changed = null;
        for (var index = 0; index < body.Length; index++)
        {
            var character = body[index];
            var replacement = IsNeverReplaced(character) ? null : Table.Value.GetValueOrDefault(character);
            if (replacement is not null) changed ??= new StringBuilder(body, 0, index, body.Length + 16);
            if (changed is null) continue;

            if (replacement is null) changed.Append(character);
            else changed.Append(replacement);
        }

        return changed?.ToString() ?? body;
    }

    // Nearly all of most texts; of ASCII only control characters and the backtick are replaced.
    private static bool IsNeverReplaced(char character) => character is >= ' ' and < '\x7f' and not '`' or '\n' or '\r';

    private static FrozenDictionary<char, string> Load() =>
        EmbeddedTable.Read("smart-encoding.tsv", columns: 2).ToFrozenDictionary(
            static row => (char)CodePoint(row[0]),
            static row => string.Concat(
                row[1].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(static hex => char.ConvertFromUtf32(CodePoint(hex)))));

    private static int CodePoint(string hex) => int.Parse(hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
