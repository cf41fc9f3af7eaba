using Npgsql;
using Orleans.Configuration;

namespace Sms.Api;

/// <summary>The API as a process of its own: a client of a cluster of silos.</summary>
internal static class FrontEnd
{
    public static async Task<int> RunAsync(string[] args)
    {
        try
        {
            var builder = WebApplication.CreateBuilder(args);
            var settings = ApiSettings.Read(builder.Configuration, args);
            var connectionString = settings.ConnectionString
                ?? throw SettingsReader.Wrong("ConnectionStrings__Sms", "is required: a front-end joins the cluster through its database");
            await using var dataSource = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(connectionString)
            {
                SearchPath = "orleans",
                MaxPoolSize = 4,
                Options = "-c role=sms_app",
            });
            builder.WebHost.UseUrls(settings.Urls);
            builder.Services.AddSingleton(TimeProvider.System);
            builder.Services.AddSmsApi(new ApiOptions(
                settings.AdminKey ?? throw SettingsReader.Wrong("SMS_ADMIN_KEY", "is required"), settings.PublicUrl, settings.WebhookTokens));
            builder.Services.AddOrleansClient(client =>
            {
                client.UseAdoNetClustering(o => (o.Invariant, o.DataSource) = ("Npgsql", dataSource));
                client.Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (settings.ClusterId, settings.ServiceId));
                client.Configure<ClientMessagingOptions>(o => o.ResponseTimeout = TimeSpan.FromSeconds(10));
            });
            await using var app = builder.Build();
            app.MapSmsApi();
            await app.RunAsync();
            return 0;
        }
        catch (SettingException e)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 1;
        }
    }
}
