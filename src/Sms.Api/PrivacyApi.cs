using System.Text.Json;
using Sms.Contracts;

namespace Sms.Api;

/// <summary>What a person may ask for: a copy of what is known, and that it be forgotten.</summary>
internal static class PrivacyApi
{
    public static void MapPrivacy(this RouteGroupBuilder business)
    {
        business.MapGet("/customers/{customerId}/export", ExportAsync)
            .WithTags("Customers").WithName("exportCustomer").WithSummary("All that is known of a customer, its messages newest first, up to 2,000 at once")
            .Produces<CustomerExportReply>();
        business.MapDelete("/customers/{customerId}", EraseAsync)
            .WithTags("Customers").WithName("eraseCustomer").WithSummary("Erases a customer: opt-outs, the consent ledger and the reasons of decisions stay, without the person")
            .Produces(StatusCodes.Status204NoContent);
    }

    private static async Task<IResult> ExportAsync(HttpContext http, IGrainFactory grains)
    {
        var (business, customer, page) = (http.BusinessId(), http.PathId("customerId"), http.Request.Query.Page());
        var export = await http.RepeatAsync(() => grains.Records(business).ExportCustomerAsync(customer, page));
        return export is null ? Problem.NotFound.ToResult() : TypedResults.Ok(CustomerExportReply.Of(export));
    }

    private static async Task<IResult> EraseAsync(HttpContext http, IGrainFactory grains)
    {
        var (business, customer) = (http.BusinessId(), http.PathId("customerId"));
        var isThere = await http.RepeatAsync(() => grains.Records(business).EraseCustomerAsync(customer, Caller.Of(http).Actor));
        return isThere ? TypedResults.NoContent() : Problem.NotFound.ToResult();
    }
}

/// <param name="Customer">Null once it was erased.</param>
/// <param name="Erasure">Null unless it was erased.</param>
/// <param name="Consent">The consent ledger, oldest first: its first 200 entries.</param>
/// <param name="NextConsentCursor">Where the list of the ledger goes on; null: it is whole.</param>
/// <param name="OptOuts">What stands on the suppression list about the customer's numbers.</param>
/// <param name="Messages">Newest first.</param>
/// <param name="NextCursor">Where the next part of the messages starts; null: there are no more.</param>
internal sealed record CustomerExportReply(
    CustomerView? Customer, Erasure? Erasure, ConsentEntry[] Consent, string? NextConsentCursor, OptOut[] OptOuts, ExportedMessage[] Messages, string? NextCursor)
{
    public static CustomerExportReply Of(CustomerExport export) => new(
        export.Customer, export.Erasure, export.Consent, export.NextConsentCursor, export.OptOuts,
        [.. export.Messages.Zip(export.Events, (m, e) => new ExportedMessage(m, [.. e.Select(EventList.Of)]))],
        export.NextCursor);
}

/// <param name="Message">With the decision about it.</param>
/// <param name="Events">Its history, oldest first: its first 200 entries.</param>
internal sealed record ExportedMessage(MessageView Message, Dictionary<string, JsonElement>[] Events);
