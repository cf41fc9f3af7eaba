using System.Text.RegularExpressions;

namespace Sms.Integration.Tests.Documents;

/// <summary>A command as a document shows it.</summary>
/// <param name="Place">The document and the line.</param>
/// <param name="Language">bash or sql.</param>
/// <param name="Text">The command without its comment; several lines where it goes on.</param>
/// <param name="Comment">What stands behind <c>#</c>; empty: nothing.</param>
internal sealed partial record Command(string Place, string Language, string Text, string Comment)
{
    /// <summary>All commands of a document: of its blocks in bash and SQL, and calls of curl in its sentences.</summary>
    public static IEnumerable<Command> In(string document, string text)
    {
        var lines = text.Split('\n');
        string? language = null;
        var (open, begun) = ("", 0);
        for (var n = 0; n < lines.Length; n++)
        {
            var place = $"{document}:{n + 1}";
            if (lines[n].StartsWith("```", StringComparison.Ordinal))
            {
                if (language is "sql")
                    yield return new Command($"{document}:{begun}", language, open, "");
                Assert.True(language is null or "sql" || open.Length == 0, $"{place} ends in the middle of a command: {open}");
                (language, open, begun) = (language is null ? lines[n][3..].Trim() : null, "", n + 1);
            }
            else if (language is null)
            {
                foreach (Match span in Curl().Matches(lines[n]))
                    yield return new Command(place, "bash", span.Groups["command"].Value, "");
            }
            else if (language is "sql")
            {
                open += lines[n] + "\n";
            }
            else if (language is "bash")
            {
                open = open.Length == 0 ? lines[n] : $"{open}\n{lines[n]}";
                if (Split(open) is not var (command, comment))
                    continue;
                open = "";
                if (command.Length > 0)
                    yield return new Command(place, language, command, comment);
            }
            else
            {
                Assert.True(language is "" or "json" or "yaml" or "ini", $"{place}: nobody knows how to run {language}.");
                Assert.False(LooksLikeCommand().IsMatch(lines[n]), $"{place} is a command in a block that does not say bash.");
            }
        }
    }

    /// <summary>Command and comment; null while a quote is open or the line goes on.</summary>
    private static (string Command, string Comment)? Split(string text)
    {
        var quote = '\0';
        for (var n = 0; n < text.Length; n++)
        {
            if (quote == '\0' && text[n] == '#' && (n == 0 || char.IsWhiteSpace(text[n - 1])))
                return (text[..n].Trim(), text[(n + 1)..].Trim());
            if (quote == '\0' && text[n] is '\'' or '"')
                quote = text[n];
            else if (text[n] == quote)
                quote = '\0';
        }

        return quote != '\0' || text.EndsWith('\\') ? null : (text.Trim(), "");
    }

    [GeneratedRegex("`(?<command>curl [^`]+)`", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Curl();

    [GeneratedRegex(@"^\s*(curl|dotnet|docker|psql|openssl|export|apt(-get)?|npm) ", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex LooksLikeCommand();
}
