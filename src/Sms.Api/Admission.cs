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

    private readonly Room _whole = new("business", 2 * Most, isCallers: false);
    private readonly ConcurrentDictionary<Guid, Room> _businesses = new();
    private readonly Room _admin = new("admin", Most, isCallers: true);

    /// <summary>Webhooks that the provider signed: 16 MiB.</summary>
    public Room Signed { get; } = new("webhook", Most, isCallers: false);

    /// <summary>Webhooks whose signature is not checked yet: 16 MiB.</summary>
    public Room Unsigned { get; } = new UnsignedRoom(Most);

    /// <summary>
    /// The admin has 16 MiB. All businesses have 32 MiB together, and each may take as much of it as all leave free: a
    /// business alone 16 MiB, each of two a third of the whole, so that there is always room for one more.
    /// </summary>
    public Room Of(Caller caller) => caller.Business is { } id
        ? _businesses.GetOrAdd(id, static (_, whole) => new Room("business", Most, isCallers: true, whole), _whole)
        : _admin;
}

/// <summary>Counts what the requests of one kind, or of one business, weigh together.</summary>
/// <param name="name">For the figure of those turned away.</param>
/// <param name="most">What they may weigh.</param>
/// <param name="isCallers">Whether the bound is one caller's own (429) or the process's (503).</param>
/// <param name="whole">The room that this one is a part of; null: it stands alone.</param>
internal class Room(string name, int most, bool isCallers, Room? whole = null)
{
    /// <summary>What a part may take while the whole has space, however much the other parts hold: 512 KiB.</summary>
    private const int Guaranteed = 512 * 1024;

    private int _taken;

    private static Problem Full { get; } = Problem.Of(
        StatusCodes.Status503ServiceUnavailable, "unavailable", "Too many requests are under way here. Nothing was done: try again.");

    private static Problem Over { get; } = Problem.Of(
        StatusCodes.Status429TooManyRequests, "too_many_requests", "Too many requests of this caller are under way. Nothing was done: try again.");

    /// <summary>Takes room for a request, or for what has arrived of it since.</summary>
    /// <returns>Null when there is room; else the problem, and nothing was taken.</returns>
    public virtual Problem? Take(Place place, int weight)
    {
        var own = Add(weight);
        var free = whole is null ? most : whole.Most - whole.Add(weight);
        if (free >= 0 && own <= Math.Min(most, free + Guaranteed))
        {
            place.Weight += weight;
            return null;
        }

        Add(-weight);
        whole?.Add(-weight);
        return isCallers && free >= 0 ? TurnAway(name, Over) : TurnAway(name);
    }

    public virtual void Give(Place place, int weight)
    {
        place.Weight -= weight;
        Add(-weight);
        whole?.Add(-weight);
    }

    protected int Most => most;

    /// <returns>What is taken now.</returns>
    protected int Add(int weight) => Interlocked.Add(ref _taken, weight);

    /// <summary>Counts a request of this room that is turned away.</summary>
    /// <returns>The problem.</returns>
    public static Problem TurnAway(string room, Problem? problem = null)
    {
        ApiMetrics.TurnedAway.Add(1, new KeyValuePair<string, object?>("room", room));
        return problem ?? Full;
    }
}

/// <summary>
/// The webhooks that are still arriving: until one is whole, nobody knows who sends it. When they fill the room, the one
/// that has been arriving for the longest makes way. What the provider sends is whole within moments, so those who send
/// slowly, from however many connections, put out one another.
/// </summary>
internal sealed class UnsignedRoom(int most) : Room(Name, most, isCallers: false)
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
            for (var taken = Add(weight); taken > Most; taken = Add(0))
            {
                var oldest = _arriving.First!.Value;
                Give(oldest, oldest.Weight);
                oldest.PutOut(TurnAway(Name));
            }

            return place.Refusal;
        }
    }

    public override void Give(Place place, int weight)
    {
        lock (_gate)
        {
            base.Give(place, weight);
            if (place is not { Weight: 0, Arrival: { } arrival })
                return;
            _arriving.Remove(arrival);
            place.Arrival = null;
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
    public void DropBody() => _room.Give(this, Math.Max(0, Weight - LeastWeight));

    /// <summary>Takes as much of another room, and leaves the one before.</summary>
    /// <exception cref="ProblemException">There is no room.</exception>
    public void MoveTo(Room next)
    {
        var weight = Math.Max(LeastWeight, Weight);
        _room.Give(this, Weight);
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
        _room.Give(this, Weight);
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
