using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using NodaTime;
using Orleans.Runtime;
using Sms.Dispatch;

namespace Sms;

/// <summary>What the grains of a silo share. The ports are the host's to register.</summary>
public static class GrainsRegistration
{
    /// <summary>Call after Orleans is registered: what is registered last stops first, and requests under way end before the silo does.</summary>
    public static IServiceCollection AddSmsGrains(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<IClock>(s => new TimeProviderClock(s.GetRequiredService<TimeProvider>()));
        services.TryAddSingleton(s => new MonotonicClock(s.GetRequiredService<TimeProvider>()));
        services.AddSingleton(s => new ProcessIdentity(s.GetRequiredService<ILocalSiloDetails>().SiloAddress.ToParsableString()));
        services.AddOutages();
        services.AddSingleton<DispatchPermits>();
        services.AddSingleton<ProviderBreaker>();
        services.AddSingleton<UnreadableBusinesses>();
        services.AddSingleton<Courier>();
        services.AddSingleton<Reconciler>();
        services.AddSingleton<Sweeper>();
        services.AddSingleton<UpkeepJobs>();
        // Each activation of its grain begins with everything due.
        services.AddTransient(s => new Upkeep(
            s.GetRequiredService<UpkeepJobs>().All, s.GetRequiredService<MonotonicClock>(), s.GetRequiredService<ILogger<Upkeep>>()));
        services.AddSingleton<ClockCheck>();
        services.AddHostedService(s => s.GetRequiredService<ClockCheck>());
        services.AddSingleton<LeaseKeeper>();
        services.AddHostedService(s => s.GetRequiredService<LeaseKeeper>());
        services.AddSingleton<RuleWatch>();
        services.AddHostedService(s => s.GetRequiredService<RuleWatch>());
        services.AddSingleton<OptOutWatch>();
        services.AddHostedService(s => s.GetRequiredService<OptOutWatch>());
        services.AddHostedService<Wakener>();
        services.AddHostedService<MembershipWatch>();
        return services;
    }

    /// <summary>What speaks of outages, in a silo or in a client of silos. It takes <see cref="TimeProvider"/>.</summary>
    internal static IServiceCollection AddOutages(this IServiceCollection services)
    {
        services.TryAddSingleton<Outages>();
        return services.AddSingleton<IOutgoingGrainCallFilter, OutageWatch>();
    }

    /// <summary>The one clock, taken from the host's time provider.</summary>
    private sealed class TimeProviderClock(TimeProvider time) : IClock
    {
        public Instant GetCurrentInstant() => Instant.FromDateTimeOffset(time.GetUtcNow());
    }
}
