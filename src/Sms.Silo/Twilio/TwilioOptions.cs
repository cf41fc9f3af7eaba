namespace Sms.Silo.Twilio;

/// <summary>How Twilio is reached, as whom, and how Twilio reaches us.</summary>
internal sealed class TwilioOptions
{
    /// <summary>AC and 32 hexadecimal digits; null: nothing is sent.</summary>
    public string? AccountSid { get; set; }

    /// <summary>The account's primary token, a secret; null: nothing is sent.</summary>
    public string? AuthToken { get; set; }

    /// <summary>The default sender, E.164 or a short code.</summary>
    public string? PhoneNumber { get; set; }

    /// <summary>The default sender when set, before <see cref="PhoneNumber"/>; MG and 32 hexadecimal digits.</summary>
    public string? MessagingServiceSid { get; set; }

    /// <summary>Where the Messages API is. Default: Twilio's own.</summary>
    public Uri ApiBaseUrl { get; set; } = new("https://api.twilio.com");

    /// <summary>The URL by which Twilio reaches the API. Default: the API's own default address.</summary>
    public Uri PublicUrl { get; set; } = new("http://127.0.0.1:5080");

    /// <summary>
    /// How long a reply is waited for once the request has left, and a connection before that. Default: 35 s,
    /// since Twilio itself may take 30 s to answer and an early end only makes outcomes unknown.
    /// </summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(35);

    /// <summary>Connections to Twilio that make messages, hence such calls at once, of this process; at least 1. Default: 64.</summary>
    public int MaxConcurrency { get; set; } = 64;
}
