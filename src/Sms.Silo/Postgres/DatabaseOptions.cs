namespace Sms.Silo.Postgres;

/// <summary>Configuration section <c>Sms:Database</c>.</summary>
public sealed class DatabaseOptions
{
    /// <summary>Start on a server with fsync or synchronous_commit off. Default false; for tests.</summary>
    public bool AllowUnsafe { get; set; }

    /// <summary>Connections of one process, 2 to 1,000. Default 16: with more, the server's processes get in each other's way.</summary>
    public int MaxConnections { get; set; } = 16;
}
