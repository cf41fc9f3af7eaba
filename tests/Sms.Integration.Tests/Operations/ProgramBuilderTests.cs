using Microsoft.Extensions.Configuration;
using Sms.Api;

namespace Sms.Integration.Tests.Operations;

public sealed class ProgramBuilderTests
{
    [Fact]
    public void Files_of_settings_are_read_and_not_watched()
    {
        var builder = ProgramBuilder.Create();

        var files = ((IConfigurationBuilder)builder.Configuration).Sources.OfType<FileConfigurationSource>().ToList();
        Assert.Contains(files, f => f.Path == "appsettings.json");
        Assert.DoesNotContain(files, f => f.ReloadOnChange);
    }
}
