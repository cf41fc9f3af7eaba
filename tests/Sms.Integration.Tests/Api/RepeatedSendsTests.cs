using Sms.Api;
using Sms.Contracts;
using Sms.Ports;

namespace Sms.Integration.Tests.Api;

/// <summary>What a client is told of a send for which the cluster was called more than once.</summary>
public sealed class RepeatedSendsTests
{
    private static readonly SendReply Refused = new() { Refusal = new Refusal("business_paused", "The business is paused.") };

    private static readonly MessageView Stored = new()
    {
        Id = Guid.NewGuid(),
        BusinessId = Guid.NewGuid(),
        CustomerId = Guid.NewGuid(),
        To = "+15125550100",
        Body = "Hi",
        Category = "transactional",
        Status = "pending",
        Encoding = "gsm7",
        Segments = 1,
        AttemptCount = 0,
        MaxAttempts = 3,
        Metadata = "{}",
        CreatedAt = default,
        UpdatedAt = default,
    };

    [Fact]
    public async Task A_refusal_of_the_only_call_is_the_answer() =>
        Assert.Same(Refused, await RepeatedSends.OfAllAsync(Refused, isRepeated: false, () => throw new InvalidOperationException("Nobody need look.")));

    [Fact]
    public async Task A_refusal_of_a_repeated_call_is_not_the_answer_when_one_before_it_stored_the_message()
    {
        var reply = await RepeatedSends.OfAllAsync(Refused, isRepeated: true, () => Task.FromResult<MessageView?>(Stored));
        Assert.Equal((Stored, null, false), (reply.Message, reply.Refusal, reply.Replayed));
    }

    [Fact]
    public async Task A_refusal_of_a_repeated_call_is_the_answer_when_nothing_was_stored() =>
        Assert.Same(Refused, await RepeatedSends.OfAllAsync(Refused, isRepeated: true, () => Task.FromResult<MessageView?>(null)));

    [Fact]
    public async Task A_repeated_call_that_found_no_room_is_made_again()
    {
        var full = new SendReply { Refusal = new Refusal(Refusal.Unavailable, "Too many.") };
        await Assert.ThrowsAsync<StoreUnavailableException>(() => RepeatedSends.OfAllAsync(full, isRepeated: true, () => Task.FromResult<MessageView?>(null)));
        Assert.Same(full, await RepeatedSends.OfAllAsync(full, isRepeated: false, () => Task.FromResult<MessageView?>(null)));
    }

    [Fact]
    public async Task A_key_whose_message_is_gone_is_said_to_be_so() =>
        Assert.Equal("message_deleted", (await RepeatedSends.OfAllAsync(new SendReply(), isRepeated: false, () => Task.FromResult<MessageView?>(null))).Refusal?.Code);
}
