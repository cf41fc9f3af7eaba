using System.Text.Json;

namespace Sms.Silo.Simulator;

/// <summary>An error in Twilio's shape.</summary>
/// <param name="Code">Twilio's code.</param>
/// <param name="Message">Close to Twilio's words, number included where Twilio includes it.</param>
/// <param name="Status">The HTTP status.</param>
internal sealed record TwilioError(int Code, string Message, int Status = StatusCodes.Status400BadRequest)
{
    internal static readonly JsonSerializerOptions Snake = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public string MoreInfo => $"https://www.twilio.com/docs/errors/{Code}";

    public static TwilioError Unauthenticated { get; } =
        new(20003, "Authenticate", StatusCodes.Status401Unauthorized);

    public static TwilioError TooManyRequests { get; } =
        new(20429, "Too Many Requests", StatusCodes.Status429TooManyRequests);

    public static TwilioError Internal { get; } =
        new(20500, "An internal server error has occurred", StatusCodes.Status500InternalServerError);

    public static TwilioError NotFound(string path) =>
        new(20404, $"The requested resource {path} was not found", StatusCodes.Status404NotFound);

    public IResult ToResult() => Results.Json(this, Snake, statusCode: Status);
}
