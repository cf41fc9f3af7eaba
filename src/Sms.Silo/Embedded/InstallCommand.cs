using System.Globalization;

namespace Sms.Silo.Embedded;

/// <summary>How a person gets PostgreSQL on this operating system.</summary>
internal static class InstallCommand
{
    /// <param name="osRelease">The lines of <c>/etc/os-release</c>; none on other systems than Linux.</param>
    /// <param name="major">The major that the data need; null for any.</param>
    public static string For(IReadOnlyCollection<string> osRelease, int? major)
    {
        if (OperatingSystem.IsWindows())
            return Invariant($"winget install --id PostgreSQL.PostgreSQL.{major ?? 17}");
        if (OperatingSystem.IsMacOS())
            return Invariant($"brew install postgresql@{major ?? 17}");
        var sudo = Environment.IsPrivilegedProcess ? "" : "sudo ";
        if (IsLike(osRelease, "debian", "ubuntu"))
            return $"{sudo}apt-get install -y {DebianPackage(major)}";
        if (IsLike(osRelease, "fedora", "rhel", "centos"))
            return $"{sudo}dnf install -y postgresql-server postgresql-contrib";
        if (IsLike(osRelease, "alpine"))
            return major is null ? $"{sudo}apk add postgresql postgresql-contrib" : Invariant($"{sudo}apk add postgresql{major} postgresql{major}-contrib");
        if (IsLike(osRelease, "suse", "opensuse"))
            return $"{sudo}zypper install -y postgresql-server postgresql-contrib";
        if (IsLike(osRelease, "arch"))
            return $"{sudo}pacman -S --noconfirm postgresql";
        return "install PostgreSQL 15 or later with this system's packages";
    }

    public static string DebianPackage(int? major) => major is null ? "postgresql" : Invariant($"postgresql-{major}");

    /// <summary>Whether <c>ID</c> or <c>ID_LIKE</c> names one of <paramref name="families"/>.</summary>
    public static bool IsLike(IReadOnlyCollection<string> osRelease, params string[] families) => osRelease
        .Where(line => line.StartsWith("ID=", StringComparison.Ordinal) || line.StartsWith("ID_LIKE=", StringComparison.Ordinal))
        .SelectMany(line => line[(line.IndexOf('=', StringComparison.Ordinal) + 1)..].Trim('"').Split(' '))
        .Intersect(families, StringComparer.Ordinal)
        .Any();

    public static async Task<string[]> ReadOsReleaseAsync(CancellationToken ct) =>
        File.Exists("/etc/os-release") ? await File.ReadAllLinesAsync("/etc/os-release", ct) : [];

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
