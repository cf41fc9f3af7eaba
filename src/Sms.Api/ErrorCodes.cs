namespace Sms.Api;

/// <summary>A code of a problem.</summary>
/// <param name="Code">What clients branch on; it never changes its meaning.</param>
/// <param name="Status">The status it comes with.</param>
/// <param name="Meaning">What is wrong, and what to do where that is not plain.</param>
internal sealed record ErrorCode(string Code, int Status, string Meaning);

/// <summary>All codes: the API reference lists them, and a problem's type points there.</summary>
internal static class ErrorCodes
{
    public static IReadOnlyList<ErrorCode> All { get; } =
    [
        new("bad_request", 400, "The request does not fit HTTP or any call of this API."),
        new("malformed_json", 400, "The request's body is not valid JSON; detail says where it breaks."),
        new("invalid_idempotency_key", 400, "Idempotency-Key must be 1 to 255 visible ASCII characters."),
        new("unauthorized", 401, "No key, or one that is unknown or revoked."),
        new("admin_key_required", 403, "Only the admin key may do this."),
        new("invalid_signature", 403, "A webhook that the provider did not sign. Nothing was changed."),
        new("not_found", 404, "There is no such resource, or it is not this key's to see."),
        new("method_not_allowed", 405, "The path exists, the method does not."),
        new("request_timeout", 408, "The request's body was not there within ten seconds. Nothing was done."),
        new("business_paused", 409, "The business is paused: nothing is accepted until settings.paused is false."),
        new("settings_unreadable", 409, "The business's settings or time zone were not written by this API and cannot be read: nothing is sent until a change of the business sets what detail names."),
        new("message_deleted", 409, "The message that this idempotency key made was deleted with its customer: nothing is sent under the key again."),
        new("phone_in_use", 409, "Another customer of the business has this number."),
        new("not_cancellable", 409, "The message waits no more, or an attempt is under way."),
        new("not_retryable", 409, "Only a failed message can be retried, and only while it is valid."),
        new("too_many_keys", 409, "The business has 20 live API keys: delete one that is not used any more."),
        new("payload_too_large", 413, "The request is longer than 1 MiB; or a webhook is longer than 64 KiB or has more than 200 parameters."),
        new("unsupported_media_type", 415, "The request must be application/json."),
        new("validation_failed", 422, "A member is missing or wrong; errors names each with what is wrong."),
        new("body_required", 422, "The message has neither body nor templateId."),
        new("body_too_long", 422, "The body is longer than the business's bodyLimit, or a variable than any text; or the body leaves no room for the line that says how to opt out: the two together have at most 1,600 UTF-16 units."),
        new("consent_required", 422, "Marketing needs the customer's recorded consent: because settings.requireConsent says so, or the law of the place."),
        new("consent_under_review", 422, "A reply may have been a revocation: record what the customer wants before more marketing is sent."),
        new("country_not_allowed", 422, "The number is of a country that the business may not text: settings.allowedCountries names those that it may, and is the admin's."),
        new("customer_not_found", 422, "The business has no customer with this customerId."),
        new("expired", 422, "The message's validUntil had passed when it was decided."),
        new("idempotency_key_reused", 422, "The idempotency key was used for another request."),
        new("invalid_phone", 422, "Not a possible phone number."),
        new("invalid_text", 422, "A text has U+0000 or half a surrogate pair."),
        new("invalid_timezone", 422, "Not a zone of the tz database, as America/Chicago is."),
        new("limit_above_ceiling", 422, "The limit is above the ceiling that the admin set for it, or null where there is one."),
        new("no_lawful_window", 422, "There is no hour at which the recipient may be texted."),
        new("no_rule_for_country", 422, "No rule says when marketing may go to numbers of this country: GET /v1/rules has those that are known."),
        new("opted_out", 422, "The recipient asked not to be texted."),
        new("recipient_unreachable", 422, "The number is known not to take texts."),
        new("sender_not_allowed", 422, "settings.sender is neither one of settings.allowedSenders, which are the admin's, nor the installation's own sender. While it stands there nothing is sent."),
        new("unknown_template", 422, "The business has no template with this templateId."),
        new("monthly_limit_reached", 429, "The business's monthlyMessageLimit is reached, or for a one-time password its maxMonthlyMessages."),
        new("too_many_requests", 429, "The caller has more requests under way than its share. Nothing was done: try again after Retry-After."),
        new("client_closed_request", 499, "The client went away before the answer."),
        new("internal_error", 500, "A fault of ours; traceId ties it to the logs."),
        new("sms_disabled", 503, "Sending is not configured here."),
        new("unavailable", 503, "The cluster or its database does not answer, or takes on no more. Try again after Retry-After, under the same idempotency key."),
    ];

    private static readonly Dictionary<string, ErrorCode> ByCode = All.ToDictionary(c => c.Code, StringComparer.Ordinal);

    public static ErrorCode Get(string code) => ByCode[code];

    /// <summary>A silo that is newer than this front-end may refuse in a word that is not listed here yet.</summary>
    public static int StatusOf(string code) => ByCode.TryGetValue(code, out var known) ? known.Status : StatusCodes.Status422UnprocessableEntity;
}
