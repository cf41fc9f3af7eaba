namespace Sms.Api;

/// <summary>How silos and front-ends begin: settings from the usual places, read once.</summary>
public static class ProgramBuilder
{
    /// <summary>
    /// Files of settings are not watched: a watcher is told of every write beneath the current folder, where the embedded
    /// PostgreSQL keeps its data.
    /// </summary>
    /// <exception cref="SettingException">There is no such setting.</exception>
    public static WebApplicationBuilder Create()
    {
        var builder = WebApplication.CreateBuilder(["--hostBuilder:reloadConfigOnChange=false"]);
        KnownSettings.Require(builder.Configuration);
        return builder;
    }
}
