using System.Globalization;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace Sms.Api;

/// <summary>
/// Bounds the connections of a process well below its limit of open files, so that those who only connect keep nobody
/// out: when all places are taken, the one that has been idle for the longest makes way for the next.
/// </summary>
/// <remarks>A client whose idle connection is closed opens another one, as HTTP has it (RFC 9112, section 9.3.1).</remarks>
internal sealed partial class ConnectionGate(int most, TimeProvider time, ILogger<ConnectionGate> logger)
{
    private const int MostOfAll = 8192;

    private static readonly TimeSpan LogEvery = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly LinkedList<Guest> _idle = [];
    private int _count;
    private long _lastLogged = long.MinValue;

    /// <summary>Half of the files that this process may have open, at most 8,192; as many where the limit is not known.</summary>
    public static int MostHere() => Math.Min(MostOfAll, OpenFilesLimit() / 2);

    /// <summary>For as long as it is open, each connection has a place.</summary>
    public ConnectionDelegate Guard(ConnectionDelegate next) => async connection =>
    {
        var guest = new Guest(connection);
        if (!Enter(guest))
        {
            connection.Abort();
            return;
        }

        connection.Items[typeof(Guest)] = guest;
        try
        {
            await next(connection);
        }
        finally
        {
            Leave(guest);
        }
    };

    /// <summary>A connection with a request under way does not make way.</summary>
    public async Task KeepAsync(HttpContext http, RequestDelegate next)
    {
        if (http.Features.Get<IConnectionItemsFeature>()?.Items.TryGetValue(typeof(Guest), out var found) is not true || found is not Guest guest)
        {
            await next(http);
            return;
        }

        lock (_gate)
            guest.StopIdling(_idle);
        try
        {
            await next(http);
        }
        finally
        {
            lock (_gate)
                guest.Idle(_idle);
        }
    }

    private bool Enter(Guest guest)
    {
        Guest? leaving;
        bool isIn;
        lock (_gate)
        {
            leaving = _count < most ? null : _idle.First?.Value;
            isIn = _count < most || leaving is not null;
            leaving?.StopIdling(_idle);
            if (isIn)
            {
                _count++;
                guest.Idle(_idle);
            }
        }

        if (isIn)
            ApiMetrics.Connections.Add(1);
        if (leaving is not null || !isIn)
            CountTurnedAway(isIn ? "closed" : "refused");
        leaving?.Connection.Abort(new ConnectionAbortedException("It made way for another connection."));
        return isIn;
    }

    private void Leave(Guest guest)
    {
        lock (_gate)
        {
            guest.StopIdling(_idle);
            guest.IsGone = true;
            _count--;
        }

        ApiMetrics.Connections.Add(-1);
    }

    private void CountTurnedAway(string what)
    {
        ApiMetrics.ConnectionsTurnedAway.Add(1, new KeyValuePair<string, object?>("what", what));
        var (now, last) = (time.GetTimestamp(), Volatile.Read(ref _lastLogged));
        if ((last == long.MinValue || time.GetElapsedTime(last, now) >= LogEvery) && Interlocked.CompareExchange(ref _lastLogged, now, last) == last)
            LogFull(logger, most);
    }

    /// <summary>Soft limit of open files; where there is none, or it is not told, as many as may be counted.</summary>
    private static int OpenFilesLimit()
    {
        const string Limits = "/proc/self/limits";
        var line = File.Exists(Limits) ? File.ReadLines(Limits).FirstOrDefault(l => l.StartsWith("Max open files", StringComparison.Ordinal)) : null;
        return line?.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3] is { } soft && int.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out var limit)
            ? limit
            : int.MaxValue;
    }

    [LoggerMessage(1, LogLevel.Warning, "All {Most} connections are taken: idle ones are closed for new ones. Said once a minute; see sms_connections_turned_away_total")]
    private static partial void LogFull(ILogger logger, int most);

    /// <summary>An open connection, and its place in the row of those that idle.</summary>
    private sealed class Guest(ConnectionContext connection)
    {
        private LinkedListNode<Guest>? _place;

        public ConnectionContext Connection => connection;

        public bool IsGone { get; set; }

        public void Idle(LinkedList<Guest> row)
        {
            if (!IsGone)
                _place ??= row.AddLast(this);
        }

        public void StopIdling(LinkedList<Guest> row)
        {
            if (_place is { } place)
                row.Remove(place);
            _place = null;
        }
    }
}
