using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Console;
using Npgsql;
using Sms.Contracts;

namespace Sms.Api;

/// <summary>
/// The console without what frameworks say of an outage: a silo that dies, or a database that is away, shows in dozens of
/// places inside Orleans, as errors and page by page. The program says each outage itself, once (see <see cref="Dispatch.Outage"/>).
/// Errors of any other kind pass.
/// </summary>
[ProviderAlias("Console")]
internal sealed class FrameworkEchoes(ConsoleLoggerProvider console) : ILoggerProvider, ISupportExternalScope
{
    public ILogger CreateLogger(string categoryName)
    {
        var logger = console.CreateLogger(categoryName);
        return categoryName.StartsWith("Sms", StringComparison.Ordinal) ? logger : new WithoutEchoes(logger);
    }

    public void SetScopeProvider(IExternalScopeProvider scopeProvider) => console.SetScopeProvider(scopeProvider);

    /// <summary>The container made it, and disposes of it.</summary>
    public void Dispose()
    {
    }

    /// <summary>Whether it says that something did not answer, or was cut off.</summary>
    internal static bool IsOfAnOutage(Exception? exception)
    {
        for (var e = exception; e is not null; e = e.InnerException)
        {
            if (LostCalls.IsLost(e) || e is SocketException or IOException or ConnectionAbortedException or ConnectionResetException
                || (e is PostgresException p ? p.IsTransient || p.SqlState[..2] is "08" or "57" : e is NpgsqlException))
                return true;
        }

        return false;
    }

    private sealed class WithoutEchoes(ILogger logger) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => logger.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => logger.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsOfAnOutage(exception))
                logger.Log(logLevel, eventId, state, exception, formatter);
        }
    }
}
