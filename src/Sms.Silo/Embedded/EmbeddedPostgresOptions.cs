namespace Sms.Silo.Embedded;

/// <summary>What the embedded PostgreSQL keeps, and where its programs may come from.</summary>
internal sealed record EmbeddedPostgresOptions
{
    /// <summary>The folder of <c>SMS_DATA_DIR</c>; made (0700) if it does not exist. The cluster of major N is <c>pgN</c> in it.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>
    /// True: every commit is on disk before it is answered, and the data stay when the server stops.
    /// False: nothing is flushed and the whole of <see cref="DataDirectory"/> is deleted at the end, so it must be empty or new.
    /// </summary>
    public bool Durable { get; init; } = true;

    /// <summary>Whether root on Debian or Ubuntu may install the distribution's PostgreSQL when no other is to be had.</summary>
    public bool AllowInstall { get; init; } = true;

    /// <summary>In the place of a folder: the programs that are packed for npm, whatever is installed.</summary>
    public const string Npm = "npm";

    /// <summary>The folder with <c>initdb</c>, <c>postgres</c> and <c>pg_ctl</c> to use; <see cref="Npm"/>: those that are packed for npm. Null: look for some.</summary>
    public string? BinDirectory { get; init; }

    /// <summary>
    /// Where downloaded programs are kept between runs. Null: <c>postgres-binaries</c> in <see cref="DataDirectory"/>
    /// if that is durable, else a cache folder of this user.
    /// </summary>
    public string? CacheDirectory { get; init; }

    /// <summary>Connections the server takes, all clients together.</summary>
    public int MaxConnections { get; init; } = 100;

    /// <summary>Options for <paramref name="dataDirectory"/>, with the programs as <c>SMS_PG_BIN</c> and <c>SMS_PG_INSTALL</c> (<c>off</c>) say.</summary>
    public static EmbeddedPostgresOptions FromEnvironment(string dataDirectory) => new()
    {
        DataDirectory = dataDirectory,
        BinDirectory = Environment.GetEnvironmentVariable("SMS_PG_BIN") is { Length: > 0 } bin ? bin : null,
        AllowInstall = Environment.GetEnvironmentVariable("SMS_PG_INSTALL")?.Trim().ToLowerInvariant() is not ("off" or "false" or "0"),
    };
}
