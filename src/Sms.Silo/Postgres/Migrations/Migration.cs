using System.Reflection;
using System.Security.Cryptography;
using System.Text;

namespace Sms.Silo.Postgres.Migrations;

/// <summary>One numbered SQL file, compiled into the program.</summary>
/// <param name="Name">Path under sql/, for example 003_sms_retry_queue.sql: the key in the journal.</param>
/// <param name="Sql">Its text.</param>
internal sealed record Migration(string Name, string Sql)
{
    /// <summary>
    /// First line of a file that must run outside a transaction (create index concurrently, procedures that commit).
    /// Its statements stand between lines <see cref="NextMarker"/> and may be run again: its journal entry is a
    /// transaction of its own.
    /// </summary>
    public const string OutsideTransactionMarker = "-- migrate: outside-transaction";

    /// <summary>SHA-256 in hexadecimal; line ends do not count, so that a checkout on Windows is the same file.</summary>
    public string Checksum => Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes(Sql.Replace("\r\n", "\n", StringComparison.Ordinal))));

    /// <summary>The line between two statements of a file that runs outside a transaction.</summary>
    public const string NextMarker = "-- migrate: next";

    /// <summary>The first sentence of the file about itself.</summary>
    public string Title => string.Join(' ', Sql.ReplaceLineEndings("\n").Split('\n')
        .SkipWhile(l => l.StartsWith(OutsideTransactionMarker, StringComparison.Ordinal))
        .TakeWhile(l => l.StartsWith("-- ", StringComparison.Ordinal))
        .Select(l => l[3..].Trim())).Split([". ", ": "], 2, StringSplitOptions.None)[0].TrimEnd('.', ':');

    /// <summary>What is sent at once: the whole file, or its statements where each is a transaction of its own.</summary>
    public IEnumerable<string> Statements => RunsOutsideTransaction
        ? Sql.ReplaceLineEndings("\n").Split($"\n{NextMarker}\n")
        : [Sql];

    public bool RunsOutsideTransaction => Sql.StartsWith(OutsideTransactionMarker, StringComparison.Ordinal);

    /// <summary>All files, in the order in which they are applied: sql/ by number, then its folders.</summary>
    public static IReadOnlyList<Migration> All { get; } = Read();

    private static List<Migration> Read()
    {
        const string Prefix = "sql/";
        var assembly = Assembly.GetExecutingAssembly();
        return [.. assembly.GetManifestResourceNames()
            .Where(n => n.StartsWith(Prefix, StringComparison.Ordinal))
            .Select(n =>
            {
                using var reader = new StreamReader(assembly.GetManifestResourceStream(n)!, Encoding.UTF8);
                return new Migration(n[Prefix.Length..].Replace('\\', '/'), reader.ReadToEnd());
            })
            .OrderBy(m => m.Name.Contains('/', StringComparison.Ordinal))
            .ThenBy(m => m.Name, StringComparer.Ordinal)];
    }
}
