namespace Sms.Domain.Tables;

/// <summary>Reads the tab-separated fact tables that are compiled into the assembly.</summary>
internal static class EmbeddedTable
{
    /// <summary>
    /// The rows of the table, split at tabs. Lines that start with <c>#</c> explain the table and are left out,
    /// as are empty ones.
    /// </summary>
    /// <param name="name">File name with extension; the name of the resource.</param>
    /// <param name="columns">How many columns each row must have.</param>
    /// <exception cref="InvalidDataException">The table is not in the assembly, or a row has another number of columns.</exception>
    public static IEnumerable<string[]> Read(string name, int columns)
    {
        using var stream = typeof(EmbeddedTable).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidDataException($"The table {name} is not embedded in the assembly.");
        using var reader = new StreamReader(stream);

        while (reader.ReadLine() is { } line)
        {
            if (line.Length == 0 || line[0] == '#') continue;

            var cells = line.Split('\t');
            if (cells.Length != columns)
                throw new InvalidDataException($"A row of {name} has {cells.Length} columns instead of {columns}: {line}");

            yield return cells;
        }
    }
}
