using System.Diagnostics;

namespace Sms.Silo.Embedded;

/// <summary>
/// Who runs <c>initdb</c> and <c>postgres</c>, which refuse root. A plain user runs them as itself. Root runs them in a
/// user namespace, where the files stay root's and folders closed to others can be reached; where that is forbidden,
/// as <c>postgres</c> or <c>nobody</c>.
/// </summary>
internal sealed class ServerAccount
{
    private readonly string? unshare;
    private readonly string? userName;

    private ServerAccount(string? unshare = null, string? userName = null) => (this.unshare, this.userName) = (unshare, userName);

    public static async Task<ServerAccount> ChooseAsync(CancellationToken ct)
    {
        // On Windows pg_ctl itself gives up an administrator's rights.
        if (OperatingSystem.IsWindows() || !Environment.IsPrivilegedProcess)
            return new ServerAccount();
        if (Command.Find("unshare") is { } found && (await Command.RunAsync(found, [.. UnshareArguments, "true"], ct)).Succeeded)
            return new ServerAccount(unshare: found);
        var users = await File.ReadAllLinesAsync("/etc/passwd", ct);
        return new ServerAccount(userName: users.Any(line => line.StartsWith("postgres:", StringComparison.Ordinal)) ? "postgres" : "nobody");
    }

    /// <summary>Whether the programs run with another user's rights to files.</summary>
    public bool IsOtherUser => userName is not null;

    public Task<CommandResult> RunAsync(string program, IEnumerable<string> arguments, CancellationToken ct)
    {
        var start = unshare is null
            ? Command.Describe(program, arguments)
            : Command.Describe(unshare, [.. UnshareArguments, program, .. arguments]);
        if (userName is not null)
            start.UserName = userName;
        // The caller's folder may be closed to that user, or go away while the server lives.
        start.WorkingDirectory = Path.GetPathRoot(Environment.SystemDirectory) is { Length: > 0 } root ? root : "/";
        start.Environment["LC_ALL"] = "C";
        start.Environment["TZ"] = "UTC";
        return Command.RunAsync(start, ct);
    }

    /// <summary>Makes the server's user the owner of <paramref name="path"/> and all in it, which an earlier run may have had under another.</summary>
    public async Task OwnAsync(string path, CancellationToken ct)
    {
        if (OperatingSystem.IsWindows() || !Environment.IsPrivilegedProcess)
            return;
        var result = await Command.RunAsync("chown", ["-R", userName is null ? "0:0" : userName + ":", path], ct);
        if (!result.Succeeded)
            throw new EmbeddedPostgresException($"{path} cannot be given to the user that runs PostgreSQL: {result.Summary}");
    }

    private static readonly string[] UnshareArguments = ["--user", "--map-user=65534", "--map-group=65534"];
}
