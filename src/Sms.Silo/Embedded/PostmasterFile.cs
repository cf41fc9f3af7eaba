using System.Globalization;

namespace Sms.Silo.Embedded;

/// <summary>What a server says of itself in <c>postmaster.pid</c>.</summary>
/// <remarks>Source: PostgreSQL's include/utils/pidfile.h: line 1 the process, 4 the port, 8 the status, padded with blanks.</remarks>
internal sealed record PostmasterFile(int ProcessId, int Port, string Status)
{
    public bool IsReady => Status is "ready" && Port > 0;

    /// <summary>Null if there is none, or its first line is not written yet.</summary>
    public static PostmasterFile? Read(string path)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(path);
        }
        catch (Exception gone) when (gone is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }

        if (lines.Length == 0 || !int.TryParse(lines[0], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var processId))
            return null;
        var port = lines.Length > 3 && int.TryParse(lines[3], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
        // A single-user server writes its number with a minus sign.
        return new PostmasterFile(Math.Abs(processId), port, lines.Length > 7 ? lines[7].Trim() : "starting");
    }
}
