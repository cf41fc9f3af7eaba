using NodaTime;
using Sms.Contracts;

namespace Sms.Api;

/// <summary>Customers: the recipients of a business.</summary>
internal static class CustomersApi
{
    /// <summary>What a client's clock may be ahead.</summary>
    private static readonly Duration ClockDifference = Duration.FromMinutes(1);

    private static readonly string[] Statuses = ["opted_in", "opted_out", "unknown"];
    private static readonly string[] Methods = ["verbal_in_person", "phone_call", "service_agreement", "website_form", "sms_keyword", "other"];

    public static void MapCustomers(this RouteGroupBuilder business)
    {
        business.MapPost("/customers", CreateAsync)
            .WithTags("Customers").WithName("createCustomer").WithSummary("Makes a customer, or returns the one with the same number")
            .Accepts<CreateCustomerRequest>("application/json")
            .Produces<CustomerView>(StatusCodes.Status201Created).Produces<CustomerView>();
        business.MapGet("/customers", ListAsync)
            .WithTags("Customers").WithName("listCustomers").WithSummary("The customers, newest first, or the one with a phone number").Produces<CustomerPage>();
        business.MapPatch("/customers/{customerId}", ChangeAsync)
            .WithTags("Customers").WithName("changeCustomer").WithSummary("Changes a customer, and plans anew what waits for it")
            .Accepts<ChangeCustomerRequest>("application/json").Produces<CustomerView>();
        business.MapGet("/customers/{customerId}", GetAsync)
            .WithTags("Customers").WithName("getCustomer").WithSummary("The customer").Produces<CustomerView>();
    }

    private static async Task<IResult> ListAsync(HttpContext http, IGrainFactory grains)
    {
        var (id, page) = (http.BusinessId(), http.Request.Query.Page());
        var phone = await http.PhoneAsync("phone");
        return TypedResults.Ok(await http.RepeatAsync(() => grains.Reader().ListCustomersAsync(id, phone, page)));
    }

    private static async Task<IResult> ChangeAsync(HttpContext http, IGrainFactory grains)
    {
        var (business, id) = (http.BusinessId(), http.PathId("customerId"));
        var request = await RequestBody.ReadAsync<ChangeCustomerRequest>(http.Request);
        if (Check(request.Name, request.SmsConsent, http.Now()) is { } problem)
            return problem.ToResult();
        var command = new ChangeCustomer
        {
            Id = id,
            Name = request.Name,
            Phone = request.Phone,
            Timezone = request.Timezone,
            PostalCode = request.PostalCode,
            State = request.State,
            Consent = Consent(request.SmsConsent),
            ConsentId = http.NewId(),
            ConsentText = request.SmsConsent?.Text,
            Actor = Caller.Of(http).Actor,
        };
        var reply = await http.RepeatAsync(() => grains.Records(business).ChangeCustomerAsync(command));
        return reply.Refusal is { } refusal ? Problem.Of(refusal).ToResult() : TypedResults.Ok(reply.Customer);
    }

    private static async Task<IResult> CreateAsync(HttpContext http, IGrainFactory grains)
    {
        var id = http.BusinessId();
        var request = await RequestBody.ReadAsync<CreateCustomerRequest>(http.Request);
        if (Check(request.Name, request.SmsConsent, http.Now()) is { } problem)
            return problem.ToResult();

        var command = new CreateCustomer
        {
            Id = http.NewId(),
            Name = request.Name,
            Phone = request.Phone ?? "",
            Timezone = request.Timezone,
            PostalCode = request.PostalCode,
            Actor = Caller.Of(http).Actor,
            State = request.State,
            Consent = Consent(request.SmsConsent),
            ConsentText = request.SmsConsent?.Text,
        };
        var reply = await http.RepeatAsync(() => grains.Records(id).AddCustomerAsync(command));
        return reply switch
        {
            { Refusal: { } refusal } => Problem.Of(refusal).ToResult(),
            { Created: true, Customer: { } made } => TypedResults.Created($"/v1/businesses/{id}/customers/{made.Id}", made),
            _ => TypedResults.Ok(reply.Customer),
        };
    }

    private static async Task<IResult> GetAsync(HttpContext http, IGrainFactory grains)
    {
        var (business, id) = (http.BusinessId(), http.PathId("customerId"));
        var customer = await http.RepeatAsync(() => grains.Reader().GetCustomerAsync(business, id));
        return customer is null ? Problem.NotFound.ToResult() : TypedResults.Ok(customer);
    }

    private static ConsentView? Consent(ConsentRequest? request) => request is { } c
        ? new ConsentView { Status = c.Status ?? "unknown", Method = c.Method, Source = c.Source, At = c.At?.ToDateTimeOffset(), Notes = c.Notes, Ip = c.Ip }
        : null;

    private static Problem? Check(string? name, ConsentRequest? consent, Instant now)
    {
        if (name?.Length > 200)
            return Problem.Invalid("name", "must have at most 200 characters");
        return consent is null ? null : CheckConsent(consent, "smsConsent.", now);
    }

    /// <summary>Null when it is well-formed.</summary>
    public static Problem? CheckConsent(ConsentRequest consent, string prefix, Instant now)
    {
        if (consent.Status is { } status && !Statuses.Contains(status, StringComparer.Ordinal))
            return Problem.Invalid($"{prefix}status", $"must be one of {string.Join(", ", Statuses)}");
        if (consent.Method is { } method && !Methods.Contains(method, StringComparer.Ordinal))
            return Problem.Invalid($"{prefix}method", $"must be one of {string.Join(", ", Methods)}");
        foreach (var (member, value, most) in new[] { ("source", consent.Source, 500), ("notes", consent.Notes, 2000), ("ip", consent.Ip, 100), ("text", consent.Text, 4000) })
        {
            if (value?.Length > most)
                return Problem.Invalid($"{prefix}{member}", $"must have at most {most} characters");
        }

        return consent.At > now + ClockDifference ? Problem.Invalid($"{prefix}at", "must not be in the future") : null;
    }
}
