using Microsoft.Extensions.Time.Testing;
using Sms.Ports;

namespace Sms.Cluster.Tests;

public sealed class BusinessInForceTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly Queue<Task<StoredBusiness?>> _answers = new();
    private readonly List<KnownBusiness?> _before = [];
    private readonly BusinessInForce _known;
    private int _reads;

    public BusinessInForceTests() => _known = new BusinessInForce(
        () =>
        {
            _reads++;
            return _answers.Count > 0 ? _answers.Dequeue() : Task.FromResult<StoredBusiness?>(null);
        },
        _time, _before.Add);

    [Fact]
    public async Task It_is_read_once_in_a_while_and_never_older_than_a_second()
    {
        Answer(Stored(1), Stored(1), Stored(2));
        for (var n = 0; n < 10; n++)
            await _known.FreshenAsync();
        Assert.Equal(1, _reads);

        _time.Advance(TimeSpan.FromSeconds(0.9));
        await _known.FreshenAsync();
        _time.Advance(TimeSpan.FromSeconds(0.9));
        await _known.FreshenAsync();
        Assert.Equal((3, 2), (_reads, (int)_known.Business!.Stored.Version));
        // Told when something else is known, and only then.
        Assert.Equal([null, 1L], _before.Select(b => b?.Stored.Version));
    }

    [Fact]
    public async Task Many_who_ask_at_once_read_once()
    {
        var answer = Hold();
        var asked = Enumerable.Range(0, 10).Select(_ => _known.FreshenAsync()).ToList();
        answer.SetResult(Stored(1));
        await Task.WhenAll(asked);
        Assert.Equal(1, _reads);
    }

    [Fact]
    public async Task One_that_is_made_is_found_and_one_that_is_deleted_is_gone()
    {
        Answer(null, Stored(1), null);
        await _known.FreshenAsync();
        Assert.Equal((false, null), (_known.IsThere, _known.Business));
        await _known.ReloadAsync();
        Assert.True(_known.IsThere);
        await _known.ReloadAsync();
        Assert.False(_known.IsThere);
        // What is under way still has what it was decided by.
        Assert.NotNull(_known.Business);
    }

    [Fact]
    public async Task An_answer_to_an_earlier_question_undoes_nothing()
    {
        var (early, late) = (Hold(), Hold());
        var first = _known.ReloadAsync();
        var second = _known.ReloadAsync();
        late.SetResult(Stored(2));
        await second;
        early.SetResult(Stored(1));
        await first;
        Assert.Equal(2, _known.Business!.Stored.Version);

        var before = Hold();
        var third = _known.ReloadAsync();
        _known.Wrote(Stored(3));
        before.SetResult(Stored(2));
        await third;
        Assert.Equal(3, _known.Business!.Stored.Version);
    }

    [Fact]
    public async Task After_a_write_without_an_answer_it_is_read_before_anything_is_decided()
    {
        Answer(Stored(1));
        await _known.FreshenAsync();
        var before = Hold();
        var under = _known.ReloadAsync();

        _known.Doubt();
        Answer(Stored(2));
        await _known.FreshenAsync();
        Assert.Equal(2, _known.Business!.Stored.Version);
        before.SetResult(Stored(1));
        await under;
        Assert.Equal(2, _known.Business!.Stored.Version);
    }

    [Fact]
    public async Task While_the_database_does_not_answer_nothing_is_known_anew()
    {
        _answers.Enqueue(Task.FromException<StoredBusiness?>(new StoreUnavailableException("Told to.")));
        await Assert.ThrowsAsync<StoreUnavailableException>(_known.FreshenAsync);
        Answer(Stored(1));
        await _known.FreshenAsync();
        Assert.True(_known.IsThere);
    }

    private void Answer(params StoredBusiness?[] answers)
    {
        foreach (var answer in answers)
            _answers.Enqueue(Task.FromResult(answer));
    }

    private TaskCompletionSource<StoredBusiness?> Hold()
    {
        var held = new TaskCompletionSource<StoredBusiness?>(TaskCreationOptions.RunContinuationsAsynchronously);
        _answers.Enqueue(held.Task);
        return held;
    }

    private static StoredBusiness Stored(long version) => new(Guid.Empty, $"Acme {version}", "America/Chicago", "{}") { Version = version };
}
