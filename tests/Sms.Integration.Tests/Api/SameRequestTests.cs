namespace Sms.Integration.Tests.Api;

/// <summary>Under a used key a request is the same when it means the same.</summary>
public class SameRequestTests(SharedSilo shared)
{
    private static readonly string[] Same =
    [
        """{"to":"{to}","body":"Hé","metadata":{"order":"42","site":"a","nested":{"x":[1,{"y":2,"z":3}],"w":1}}}""",
        """{"metadata":{"nested":{"w":1.0,"x":[1e0,{"z":3,"y":2}]},"site":"a","order":"42"},"body":"H\u00e9","to":"{to}"}""",
        """
        { "to" : "{to}", "body":"Hé", "category":"marketing", "sendAt":null, "validUntil":null, "variables":null, "templateId":null,
          "metadata" : { "order":"42", "nested": {"x":[1,{"y":20e-1,"z":3}],"w":1}, "site":"\u0061" } }
        """,
    ];

    [Fact]
    public async Task The_order_of_members_and_the_spelling_of_values_make_no_other_request()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        var requests = Same.Select(s => s.Replace("{to}", to, StringComparison.Ordinal)).ToList();
        var first = await business.SendAsync(requests[0], "k");
        Assert.Equal(202, first.Status);
        foreach (var request in requests)
            Assert.Equal((200, first.Id), ((await business.SendAsync(request, "k")) is var again ? (again.Status, again.Id) : default));

        // In a batch too, and a text sent alone is the same as one in a batch.
        foreach (var request in requests)
        {
            var entry = $$"""{"idempotencyKey":"k",{{request.Trim()[1..]}}""";
            var result = (await business.PostAsync("/messages/batch", $$"""{"messages":[{{entry}}]}""")).Json!["results"]![0]!;
            Assert.Equal((200, first.Id), (result["status"]!.GetValue<int>(), result["message"]!["id"]!.GetValue<Guid>()));
        }

        foreach (var other in new[] { requests[0].Replace("[1,{", "[2,{", StringComparison.Ordinal), requests[0].Replace("\"42\"", "42", StringComparison.Ordinal), requests[0].Replace("[1,{\"y\":2,\"z\":3}]", "[{\"y\":2,\"z\":3},1]", StringComparison.Ordinal) })
            Assert.Equal("idempotency_key_reused", (await business.SendAsync(other, "k")).Code);
        Assert.Single((await business.GetAsync("/messages")).Json!["data"]!.AsArray());
    }
}
