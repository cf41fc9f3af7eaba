using System.Text.Json;
using NodaTime;
using Sms.Api;

namespace Sms.Integration.Tests.Api;

/// <summary>What is kept of a request under its idempotency key is compared by later releases: it stays the same when requests get new members.</summary>
public sealed class RequestHashTests
{
    private static readonly Instant Now = Instant.FromUtc(2026, 11, 22, 12, 0);

    [Fact]
    public void A_request_has_the_hash_that_it_had()
    {
        Assert.Equal(
            "92c3e0965d17bcd968c64065283fe1517e2df7b5d16de4b6c5c47404ef0861e2",
            Hash(new SendMessageRequest(null, "+15125550100", "Hi", null, null, null, null, null, null)));
        using var metadata = JsonDocument.Parse("""{"vip": true, "order": 42}""");
        Assert.Equal(
            "f0153e8fff806883c5473cb869728e73e29429b001f9ec0445f9eb1923294d1c",
            Hash(new SendMessageRequest(
                Guid.Parse("019a7c1e-9d20-7a44-8c01-7e4f10b2d9aa"), null, "Hi", null, new(StringComparer.Ordinal) { ["name"] = "Ana" }, "otp",
                Now + Duration.FromHours(1), Now + Duration.FromHours(2), metadata.RootElement)));
    }

    private static string? Hash(SendMessageRequest request) => SendRequests.ToCommand(request, "k", Guid.NewGuid(), Now).RequestHash;
}
