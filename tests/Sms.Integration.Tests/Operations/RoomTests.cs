using Sms.Api;

namespace Sms.Integration.Tests.Operations;

/// <summary>How much of each kind of request a process takes on at once.</summary>
public sealed class RoomTests
{
    private const int Mebibyte = 1024 * 1024;

    [Fact]
    public void A_business_alone_has_16_MiB_and_beyond_them_is_told_to_come_again()
    {
        using var rooms = new Admission();
        using var place = new Place(rooms, NewBusiness());
        Assert.Equal(16, Fill(place));
        var problem = place.Take(Mebibyte)!;
        Assert.Equal((429, "too_many_requests"), (problem.Status, problem.Code));
        // What was refused takes nothing.
        place.DropBody();
        Assert.Equal(15, Fill(place));
    }

    [Fact]
    public void However_much_some_hold_there_is_room_for_others_until_the_whole_is_full()
    {
        using var rooms = new Admission();
        var places = new List<Place>();
        var got = new List<int>();
        for (var n = 0; n < 30; n++)
        {
            places.Add(new Place(rooms, NewBusiness()));
            while (places[^1].Take(Place.LeastWeight) is null)
            {
                // As much as it gets.
            }

            got.Add(places[^1].Weight);
            using var another = new Place(rooms, NewBusiness());
            Assert.Null(another.Take(256 * 1024));
        }

        Assert.Equal([16 * Mebibyte, 8 * Mebibyte, 4 * Mebibyte], got.Take(3));
        Assert.Equal(256 * 1024, got[^1]);
        // Whoever gives room back leaves it to all.
        places.ForEach(p => p.Dispose());
        using var last = new Place(rooms, NewBusiness());
        Assert.Equal(16, Fill(last));
    }

    [Fact]
    public void What_all_businesses_hold_together_is_bounded_and_that_is_not_the_callers_limit()
    {
        using var rooms = new Admission();
        var places = new List<Place>();
        Problem? problem;
        do
        {
            places.Add(new Place(rooms, NewBusiness()));
            problem = places[^1].Take(256 * 1024);
        }
        while (problem is null);
        Assert.Equal((503, "unavailable"), (problem.Status, problem.Code));
        Assert.Equal(40 * Mebibyte, places.Sum(p => p.Weight));

        // The admin and the provider are not among them.
        using var admin = new Place(rooms, Admission.Of(Caller.Admin));
        using var webhook = new Place(rooms, Admission.Unsigned);
        Assert.Equal(16, Fill(admin));
        Assert.Equal(429, admin.Take(Mebibyte)!.Status);
        Assert.Null(webhook.Take(Mebibyte));
        webhook.MoveTo(Admission.Signed);
        Assert.Equal(15, Fill(webhook));
        Assert.Equal(503, webhook.Take(Mebibyte)!.Status);
    }

    [Fact]
    public void Keys_of_one_business_share_its_room()
    {
        using var rooms = new Admission();
        var business = Guid.NewGuid();
        using var one = new Place(rooms, Admission.Of(new Caller(business, "key 1")));
        using var other = new Place(rooms, Admission.Of(new Caller(business, "key 2")));
        Assert.Equal(16, Fill(one));
        Assert.Equal(429, other.Take(Place.LeastWeight)!.Status);
    }

    [Fact]
    public void The_webhook_that_has_been_arriving_for_the_longest_makes_way()
    {
        using var rooms = new Admission();
        var places = Enumerable.Range(0, 17).Select(_ => new Place(rooms, Admission.Unsigned)).ToList();
        foreach (var place in places)
            Assert.Null(place.Take(Mebibyte));
        var waiting = places[1].Wait(CancellationToken.None);
        Assert.Equal([0], places.Index().Where(p => p.Item.Refusal is not null).Select(p => p.Index));
        Assert.False(waiting.IsCancellationRequested);

        // The next makes way for what another has sent since.
        Assert.Null(places[16].Take(1));
        Assert.True(waiting.WaitHandle.WaitOne(TimeSpan.FromSeconds(30)));
        Assert.Equal(503, places[1].Take(1)!.Status);
        // Who is put out after its last byte, and proves to be the provider, is heard.
        places[0].MoveTo(Admission.Signed);
        Assert.Equal(Place.LeastWeight, places[0].Weight);

        places.ForEach(p => p.Dispose());
        using var last = new Place(rooms, Admission.Unsigned);
        Assert.Equal(16, Fill(last));
    }

    [Fact]
    public void Simultaneous_requests_are_counted_right()
    {
        using var rooms = new Admission();
        var business = NewBusiness();
        Parallel.For(0, 10_000, n =>
        {
            using var place = new Place(rooms, n % 2 == 0 ? business : Admission.Unsigned);
            place.Take(Place.LeastWeight);
            place.Take(n * 100);
            place.DropBody();
        });
        using var one = new Place(rooms, business);
        using var other = new Place(rooms, Admission.Unsigned);
        Assert.Equal((16, 16), (Fill(one), Fill(other)));
    }

    private static Room NewBusiness() => Admission.Of(new Caller(Guid.NewGuid(), "key"));

    /// <summary>How many mebibytes it gets.</summary>
    private static int Fill(Place place)
    {
        for (var got = 0; ; got++)
        {
            if (got == 16 || place.Take(Mebibyte) is not null)
                return got;
        }
    }
}
