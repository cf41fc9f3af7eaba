using System.Text.RegularExpressions;
using Sms.Contracts;
using Sms.Domain.Phones;

namespace Sms.Api;

/// <summary>Messages of whichever business, for the operator who does not know it.</summary>
internal static partial class AllMessagesApi
{
    public static void MapAllMessages(this RouteGroupBuilder v1)
    {
        v1.MapGet("/messages/{messageId}", GetAsync).RequireAuthorization(Policies.Admin)
            .WithTags("Operations").WithName("findMessage").WithSummary("The message with this id or this SID of Twilio's, of whichever business").Produces<MessageView>();
        v1.MapGet("/messages", ListAsync).RequireAuthorization(Policies.Admin)
            .WithTags("Operations").WithName("findMessages").WithSummary("The messages to a number, of all businesses, newest first").Produces<MessagePage>();
    }

    private static async Task<IResult> GetAsync(HttpContext http, IGrainFactory grains)
    {
        var text = http.GetRouteValue("messageId")?.ToString();
        Guid? id = ApiJson.TryReadId(text, out var read) ? read : null;
        var sid = id is null && text is not null && Sid().IsMatch(text) ? text : null;
        if (id is null && sid is null)
            return Problem.NotFound.ToResult();
        var message = await http.RepeatAsync(() => grains.Reader().FindMessageAsync(id, sid));
        return message is null ? Problem.NotFound.ToResult() : TypedResults.Ok(message);
    }

    private static async Task<IResult> ListAsync(HttpContext http, IGrainFactory grains)
    {
        if (http.Request.Query.WrittenPhone("to") is not { } to)
            return Problem.Invalid("to", "is required").ToResult();
        // No business is named whose region could be taken.
        if (!PhoneNumber.TryParse(to, "US", out var phone))
            return Problem.Of(StatusCodes.Status422UnprocessableEntity, "invalid_phone", "to is not a possible number.").ToResult();
        var page = http.Request.Query.Page();
        return TypedResults.Ok(await http.RepeatAsync(() => grains.Reader().FindMessagesToAsync(phone.E164, page)));
    }

    /// <remarks>Source: Twilio's documentation of a Message's sid, <c>^(SM|MM)[0-9a-fA-F]{32}$</c>.</remarks>
    [GeneratedRegex("^(SM|MM)[0-9a-fA-F]{32}$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Sid();
}
