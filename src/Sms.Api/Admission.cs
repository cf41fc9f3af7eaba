using System.Collections.Concurrent;

namespace Sms.Api;

/// <summary>
/// Bounds what a process takes on at once, in bytes of requests, so that memory stays flat however much is pushed.
/// Each business has a room of its own, and so have the admin, the provider, and webhooks that are not proved yet: what
/// one of them pushes or holds up turns nobody else away.
/// </summary>
/// <remarks>
/// A request weighs something for itself, and the bytes of its body that have arrived. What it promises to send weighs
/// nothing.
/// </remarks>
internal sealed class Admission
{
    private const int Most = 16 * RequestBody.MaxBytes;

    private readonly BusinessRoom.Shared _shared = new();
    private readonly ConcurrentDictionary<Guid, Room> _businesses = new();
    private readonly Room _admin = new("admin", Most, isCallers: true);

    /// <summary>Webhooks that the provider signed: 16 MiB.</summary>
    public Room Signed { get; } = new("webhook", Most, isCallers: false);

    /// <summary>Webhooks whose signature is not checked yet: 16 MiB.</summary>
    public Room Unsigned { get; } = new UnsignedRoom(Most);

    /// <summary>The admin has 16 MiB, and each business its share of 40 MiB.</summary>
    public Room Of(Caller caller) => caller.Business is { } id
        ? _businesses.GetOrAdd(id, static (_, shared) => new BusinessRoom(shared), _shared)
        : _admin;
}

/// <summary>Counts what the requests of one kind, or of one caller, weigh together.</summary>
/// <param name="name">For the figure of those turned away.</param>
/// <param name="most">What they may weigh.</param>
/// <param name="isCallers">Whether the bound is one caller's own (429) or the process's (503).</param>
internal class Room(string name, int most, bool isCallers)
{
    private static readonly Problem Full = Problem.Of(
        StatusCodes.Status503ServiceUnavailable, "unavailable", "Too many requests are under way here. Nothing was done: try again.");

    private static readonly Problem Over = Problem.Of(
        StatusCodes.Status429TooManyRequests, "too_many_requests", "Too many requests of this caller are under way. Nothing was done: try again.");

    private int _taken;

    /// <summary>Takes room for a request, or for what has arrived of it since.</summary>
    /// <returns>Null when there is room; else the problem, and nothing was taken.</returns>
    public virtual Problem? Take(Place place, int weight)
    {
        place.Weight += weight;
        if (Add(weight) <= most)
            return null;
        Give(place, place.Weight - weight);
        return TurnAway(name, isCallers);
    }

    /// <summary>Gives back what a request took.</summary>
    /// <param name="place">The request's.</param>
    /// <param name="rest">What it keeps, where it has so much.</param>
    /// <returns>What was given back.</returns>
    public virtual int Give(Place place, int rest)
    {
        var weight = Math.Max(0, place.Weight - rest);
        place.Weight -= weight;
        Add(-weight);
        return weight;
    }

    /// <returns>What is taken now.</returns>
    protected int Add(int weight) => Interlocked.Add(ref _taken, weight);

    /// <summary>Counts a request of this room that is turned away.</summary>
    /// <returns>The problem.</returns>
    public static Problem TurnAway(string room, bool isCallers)
    {
        ApiMetrics.TurnedAway.Add(1, new KeyValuePair<string, object?>("room", room));
        return isCallers ? Over : Full;
    }
}

/// <summary>
/// One business's part of a room that all businesses share. It may take as much as all leave free, one alone 16 MiB; and
/// 256 KiB, some sixty ordinary requests, even when others have filled what is shared.
/// </summary>
internal sealed class BusinessRoom(BusinessRoom.Shared shared) : Room(Name, int.MaxValue, isCallers: true)
{
    private const string Name = "business";
    private const int Guaranteed = 256 * 1024;

    public override Problem? Take(Place place, int weight)
    {
        place.Weight += weight;
        var own = Add(weight);
        var free = shared.Add(weight);
        if (own <= free || (own <= Guaranteed && free >= -Shared.Reserve))
            return null;
        Give(place, place.Weight - weight);
        // Free room that is less than it has already is its own limit; where there is none, it is nobody's.
        return TurnAway(Name, isCallers: free >= 0);
    }

    public override int Give(Place place, int rest)
    {
        var weight = base.Give(place, rest);
        shared.Add(-weight);
        return weight;
    }

    /// <summary>What all businesses hold together.</summary>
    public sealed class Shared
    {
        /// <summary>Beyond what is shared: for those who hold little, 8 MiB.</summary>
        public const int Reserve = 8 * RequestBody.MaxBytes;

        private int _free = 32 * RequestBody.MaxBytes;

        /// <returns>What is free now; below zero, so much of the reserve is taken.</returns>
        public int Add(int weight) => Interlocked.Add(ref _free, -weight);
    }
}

/// <summary>
/// The webhooks that are still arriving: until one is whole, nobody knows who sends it. When they fill the room, the one
/// that has been arriving for the longest makes way. What the provider sends is whole within moments, so those who send
/// slowly, from however many connections, put out one another.
/// </summary>
internal sealed class UnsignedRoom(int most) : Room(Name, int.MaxValue, isCallers: false)
{
    private const string Name = "unsigned";

    private readonly Lock _gate = new();
    private readonly LinkedList<Place> _arriving = [];

    public override Problem? Take(Place place, int weight)
    {
        lock (_gate)
        {
            if (place.Refusal is not null)
                return place.Refusal;
            place.Arrival ??= _arriving.AddLast(place);
            place.Weight += weight;
            for (var taken = Add(weight); taken > most; taken = Add(0))
            {
                var oldest = _arriving.First!.Value;
                Give(oldest, rest: 0);
                oldest.PutOut(TurnAway(Name, isCallers: false));
            }

            return place.Refusal;
        }
    }

    public override int Give(Place place, int rest)
    {
        lock (_gate)
        {
            var weight = base.Give(place, rest);
            if (place is { Weight: 0, Arrival: { } arrival })
            {
                _arriving.Remove(arrival);
                place.Arrival = null;
            }

            return weight;
        }
    }
}

/// <summary>What one request has taken of a room, until it ends.</summary>
internal sealed class Place(Room room) : IDisposable
{
    /// <summary>What a request weighs without its body.</summary>
    public const int LeastWeight = 4096;

    /// <summary>How long the body of a request may take to arrive, from when it is first read.</summary>
    private static readonly TimeSpan BodyTime = TimeSpan.FromSeconds(10);

    private Room _room = room;
    private CancellationTokenSource? _waiting;

    /// <summary>The rooms' own, who count it.</summary>
    public int Weight { get; set; }

    /// <summary>Where it stands in the row of those that are arriving; null: it is not in it.</summary>
    public LinkedListNode<Place>? Arrival { get; set; }

    /// <summary>Why it had to make way for another; null: it did not.</summary>
    public Problem? Refusal { get; private set; }

    public static Place Of(HttpContext http) => (Place)http.Items[typeof(Place)]!;

    /// <summary>Takes room for what has arrived.</summary>
    /// <returns>Null when there is room; else the problem.</returns>
    public Problem? Take(int weight) => _room.Take(this, weight);

    /// <summary>Gives back the room of the body, which is not kept.</summary>
    public void DropBody() => _room.Give(this, LeastWeight);

    /// <summary>Takes as much of another room, and leaves the one before.</summary>
    /// <exception cref="ProblemException">There is no room.</exception>
    public void MoveTo(Room next)
    {
        var weight = Math.Max(LeastWeight, Weight);
        _room.Give(this, rest: 0);
        _room = next;
        if (_room.Take(this, weight) is { } problem)
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

    /// <summary>Ends its waiting; on another thread, for a room's lock is held.</summary>
    public void PutOut(Problem refusal)
    {
        Refusal = refusal;
        Interlocked.MemoryBarrier();
        _waiting?.CancelAfter(TimeSpan.Zero);
    }

    public void Dispose()
    {
        // First: as long as it is in the row of those that arrive, it may be put out.
        _room.Give(this, rest: 0);
        _waiting?.Dispose();
    }
}

internal static class AdmissionRegistration
{
    /// <summary>Turns away the group's calls for which there is no room, before anything of them is read.</summary>
    public static RouteGroupBuilder RequireRoom(this RouteGroupBuilder group, Func<Admission, HttpContext, Room> room)
    {
        group.AddEndpointFilter(async (context, next) =>
        {
            var http = context.HttpContext;
            using var place = new Place(room(http.RequestServices.GetRequiredService<Admission>(), http));
            if (place.Take(Place.LeastWeight) is { } problem)
                return problem.ToResult();
            http.Items[typeof(Place)] = place;
            return await next(context);
        });
        return group;
    }
}
