using Sms.Silo.Embedded;

namespace Sms.Integration.Tests.Embedded;

public sealed class InstallCommandTests
{
    [Theory]
    [InlineData("ID=debian", null, "apt-get install -y postgresql")]
    [InlineData("ID=ubuntu\nID_LIKE=debian", 16, "apt-get install -y postgresql-16")]
    [InlineData("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"", null, "dnf install -y postgresql-server postgresql-contrib")]
    [InlineData("ID=alpine", 17, "apk add postgresql17 postgresql17-contrib")]
    [InlineData("ID=arch", null, "pacman -S --noconfirm postgresql")]
    [InlineData("ID=plan9", null, "install PostgreSQL 15 or later with this system's packages")]
    public void The_command_is_the_one_of_the_distribution(string osRelease, int? major, string command)
    {
        if (!OperatingSystem.IsLinux())
            return; // The other systems have one command each.

        Assert.EndsWith(command, InstallCommand.For(osRelease.Split('\n'), major), StringComparison.Ordinal);
    }
}
