using Sms.Contracts;

namespace Sms.Api;

/// <summary>The consent ledger: who agreed or withdrew, when, how, and the wording shown.</summary>
internal static class ConsentApi
{
    public static void MapConsent(this RouteGroupBuilder business)
    {
        business.MapPost("/customers/{customerId}/consent", RecordAsync)
            .WithTags("Consent").WithName("recordConsent").WithSummary("Appends to the ledger and moves the current status")
            .Accepts<RecordConsentRequest>("application/json").Produces<ConsentEntry>(StatusCodes.Status201Created);
        business.MapGet("/customers/{customerId}/consent", ListAsync)
            .WithTags("Consent").WithName("listConsent").WithSummary("The ledger, oldest first").Produces<ConsentPage>();
    }

    private static async Task<IResult> RecordAsync(HttpContext http, IGrainFactory grains)
    {
        var (business, customer) = (http.BusinessId(), http.PathId("customerId"));
        var request = await RequestBody.ReadAsync<RecordConsentRequest>(http.Request);
        if (request.Status is null)
            return Problem.Invalid("status", "is required").ToResult();
        if (CustomersApi.CheckConsent(request, "", http.Now()) is { } problem)
            return problem.ToResult();
        if (request.Method is null)
            return Problem.Invalid("method", "is required").ToResult();
        if (request.Source is null)
            return Problem.Invalid("source", "is required").ToResult();

        var now = http.Now();
        var entry = new ConsentEntry
        {
            Id = http.NewId(),
            CustomerId = customer,
            Status = request.Status,
            Method = request.Method,
            Source = request.Source,
            At = (request.At ?? now).ToDateTimeOffset(),
            Notes = request.Notes,
            Ip = request.Ip,
            Text = request.Text,
            Actor = Caller.Of(http).Actor,
            RecordedAt = now.ToDateTimeOffset(),
        };
        var recorded = await http.RepeatAsync(() => grains.Records(business).RecordConsentAsync(entry));
        return recorded is null
            ? Problem.NotFound.ToResult()
            : TypedResults.Created($"/v1/businesses/{business}/customers/{customer}/consent", recorded);
    }

    private static async Task<IResult> ListAsync(HttpContext http, IGrainFactory grains)
    {
        var (business, customer, page) = (http.BusinessId(), http.PathId("customerId"), http.Request.Query.Page());
        var entries = await http.RepeatAsync(() => grains.Reader().GetConsentAsync(business, customer, page));
        return entries is null ? Problem.NotFound.ToResult() : TypedResults.Ok(entries);
    }
}
