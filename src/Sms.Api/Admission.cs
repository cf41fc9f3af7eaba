using System.Threading.RateLimiting;

namespace Sms.Api;

/// <summary>What the requests of one kind, or of one caller, may weigh together.</summary>
/// <param name="Name">For the figure of those turned away.</param>
/// <param name="Most">The bound, in bytes.</param>
/// <param name="IsCallers">Whether it is one caller's own (429) or the process's (503).</param>
/// <param name="Business">The business that owns the room; the default id if it is nobody's own.</param>
internal readonly record struct Room(string Name, int Most, bool IsCallers, Guid Business = default);

/// <summary>
/// Bounds what a process takes on at once, in bytes of requests, so that memory stays flat however much is pushed.
/// Each business has a room of its own, and so have the admin, the provider, and webhooks that are not proved yet: what
/// one of them pushes or holds up turns nobody else away.
/// </summary>
/// <remarks>
/// A request weighs something for itself, and the bytes of its body that have arrived. What it promises to send weighs
/// nothing. A permit of a limiter is a byte.
/// </remarks>
internal sealed class Admission : IDisposable
{
    private const int Mebibyte = 1024 * 1024;

    /// <summary>What a business may hold even when others have filled what is shared: some sixty ordinary requests.</summary>
    private const int Guaranteed = 256 * 1024;

    private static readonly Room Admin = new("admin", 16 * Mebibyte, IsCallers: true);
    private static readonly Room Shared = new("business", 32 * Mebibyte, IsCallers: false);
    private static readonly Room Reserve = new("reserve", 8 * Mebibyte, IsCallers: false);

    private static readonly Problem Full = Problem.Of(
        StatusCodes.Status503ServiceUnavailable, "unavailable", "Too many requests are under way here. Nothing was done: try again.");

    private static readonly Problem Over = Problem.Of(
        StatusCodes.Status429TooManyRequests, "too_many_requests", "Too many requests of this caller are under way. Nothing was done: try again.");

    private readonly PartitionedRateLimiter<Room> _rooms =
        PartitionedRateLimiter.Create<Room, Room>(static room => RateLimitPartition.GetConcurrencyLimiter(room, static r => new() { PermitLimit = r.Most }));

    private readonly Lock _gate = new();
    private readonly LinkedList<Place> _arriving = [];

    /// <summary>Webhooks that the provider signed: 16 MiB.</summary>
    public static Room Signed { get; } = new("webhook", 16 * Mebibyte, IsCallers: false);

    /// <summary>Webhooks whose signature is not checked yet: 16 MiB.</summary>
    public static Room Unsigned { get; } = new("unsigned", 16 * Mebibyte, IsCallers: false);

    /// <summary>The admin has 16 MiB, and each business its share of 40 MiB.</summary>
    public static Room Of(Caller caller) => caller.Business is { } id ? new Room("business", 16 * Mebibyte, IsCallers: true, id) : Admin;

    /// <summary>Takes room for a request, or for what has arrived of it since.</summary>
    /// <returns>Null when there is room; else the problem, and nothing was taken.</returns>
    public Problem? Take(Place place, int weight)
    {
        if (place.Room == Unsigned)
            return TakeArriving(place, weight);
        if (place.Room.Business != default)
            return TakeShare(place, weight);
        return place.Keep(weight, _rooms.AttemptAcquire(place.Room, weight)) ? null : TurnAway(place.Room.Name, place.Room.IsCallers);
    }

    /// <summary>Gives back what a request took after its first <paramref name="kept"/> parts.</summary>
    public void Give(Place place, int kept)
    {
        lock (_gate)
        {
            place.Drop(kept);
            if (kept == 0 && place.Arrival is { } arrival)
            {
                _arriving.Remove(arrival);
                place.Arrival = null;
            }
        }
    }

    public void Dispose() => _rooms.Dispose();

    /// <summary>Counts a request that is turned away.</summary>
    /// <returns>The problem.</returns>
    public static Problem TurnAway(string room, bool isCallers)
    {
        ApiMetrics.TurnedAway.Add(1, new KeyValuePair<string, object?>("room", room));
        return isCallers ? Over : Full;
    }

    /// <summary>
    /// Of what all businesses share one may take as much as all leave free, and of the reserve when it holds little. A
    /// limiter's bound is fixed; that a share shrinks with what is left it cannot say.
    /// </summary>
    private Problem? TakeShare(Place place, int weight)
    {
        var (own, common) = (_rooms.AttemptAcquire(place.Room, weight), _rooms.AttemptAcquire(Shared, weight));
        var held = place.Room.Most - Free(place.Room);
        var isOver = !own.IsAcquired || (held > Guaranteed && (!common.IsAcquired || held > Free(Shared)));
        if (!isOver && !common.IsAcquired)
            common = _rooms.AttemptAcquire(Reserve, weight);
        if (!isOver && place.Keep(weight, own, common))
            return null;
        own.Dispose();
        common.Dispose();
        return TurnAway(place.Room.Name, isOver);
    }

    /// <summary>
    /// Until a webhook is whole, nobody knows who sends it. When they fill their room, the one that has been arriving for
    /// the longest makes way. What the provider sends is whole within moments, so those who send slowly, from however many
    /// connections, put out one another. A limiter would turn away the last to come, and calls no lease back.
    /// </summary>
    private Problem? TakeArriving(Place place, int weight)
    {
        lock (_gate)
        {
            if (place.Refusal is null)
                place.Arrival ??= _arriving.AddLast(place);
            while (place.Refusal is null && !place.Keep(weight, _rooms.AttemptAcquire(Unsigned, weight)))
            {
                var oldest = _arriving.First!.Value;
                Give(oldest, kept: 0);
                oldest.PutOut(TurnAway(Unsigned.Name, Unsigned.IsCallers));
            }

            return place.Refusal;
        }
    }

    private long Free(Room room) => _rooms.GetStatistics(room)!.CurrentAvailablePermits;
}

/// <summary>What one request has taken of a room, until it ends.</summary>
internal sealed class Place(Admission admission, Room room) : IDisposable
{
    /// <summary>What a request weighs without its body.</summary>
    public const int LeastWeight = 4096;

    /// <summary>How long the body of a request may take to arrive, from when it is first read.</summary>
    private static readonly TimeSpan BodyTime = TimeSpan.FromSeconds(10);

    private readonly List<(int Weight, RateLimitLease[] Leases)> _parts = [];
    private CancellationTokenSource? _waiting;

    public Room Room { get; private set; } = room;

    public int Weight => _parts.Sum(p => p.Weight);

    /// <summary>Where it stands in the row of those that are arriving; null: it is not in it.</summary>
    public LinkedListNode<Place>? Arrival { get; set; }

    /// <summary>Why it had to make way for another; null: it did not.</summary>
    public Problem? Refusal { get; private set; }

    public static Place Of(HttpContext http) => (Place)http.Items[typeof(Place)]!;

    /// <summary>Takes room for what has arrived.</summary>
    /// <returns>Null when there is room; else the problem.</returns>
    public Problem? Take(int weight) => weight == 0 ? Refusal : admission.Take(this, weight);

    /// <summary>Gives back the room of the body, which is not kept.</summary>
    public void DropBody() => admission.Give(this, kept: 1);

    /// <summary>Takes as much of another room, and leaves the one before.</summary>
    /// <exception cref="ProblemException">There is no room.</exception>
    public void MoveTo(Room next)
    {
        var weight = Math.Max(LeastWeight, Weight);
        admission.Give(this, kept: 0);
        Room = next;
        if (admission.Take(this, weight) is { } problem)
            throw new ProblemException(problem);
    }

    /// <summary>Ends when the body must be there, when the client goes, or when another body is given the room.</summary>
    public CancellationToken Wait(CancellationToken aborted)
    {
        if (_waiting is null)
        {
            _waiting = CancellationTokenSource.CreateLinkedTokenSource(aborted);
            _waiting.CancelAfter(BodyTime);
            Interlocked.MemoryBarrier();
            if (Refusal is not null)
                _waiting.Cancel();
        }

        return _waiting.Token;
    }

    /// <summary>Ends its waiting; on another thread, for the lock of those that arrive is held.</summary>
    public void PutOut(Problem refusal)
    {
        Refusal = refusal;
        Interlocked.MemoryBarrier();
        _waiting?.CancelAfter(TimeSpan.Zero);
    }

    /// <summary>Holds these until they are dropped, if all were acquired.</summary>
    public bool Keep(int weight, params RateLimitLease[] leases)
    {
        if (!Array.TrueForAll(leases, l => l.IsAcquired))
            return false;
        _parts.Add((weight, leases));
        return true;
    }

    /// <summary>Lets go of all but the first parts.</summary>
    public void Drop(int kept)
    {
        for (; _parts.Count > kept; _parts.RemoveAt(_parts.Count - 1))
            Array.ForEach(_parts[^1].Leases, l => l.Dispose());
    }

    public void Dispose()
    {
        // First: as long as it is in the row of those that arrive, it may be put out.
        admission.Give(this, kept: 0);
        _waiting?.Dispose();
    }
}

internal static class AdmissionRegistration
{
    /// <summary>Turns away the group's calls for which there is no room, before anything of them is read.</summary>
    public static RouteGroupBuilder RequireRoom(this RouteGroupBuilder group, Func<HttpContext, Room> room)
    {
        group.AddEndpointFilter(async (context, next) =>
        {
            var http = context.HttpContext;
            using var place = new Place(http.RequestServices.GetRequiredService<Admission>(), room(http));
            if (place.Take(Place.LeastWeight) is { } problem)
                return problem.ToResult();
            http.Items[typeof(Place)] = place;
            return await next(context);
        });
        return group;
    }
}
