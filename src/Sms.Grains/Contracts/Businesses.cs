using System.Text.Json.Serialization;

namespace Sms.Contracts;

/// <summary>A tenant as clients see it.</summary>
[GenerateSerializer, Immutable, Alias("sms.business-view")]
public sealed record BusinessView
{
    [Id(0)] public required Guid Id { get; init; }
    [Id(1)] public required string Name { get; init; }

    /// <summary>tz id.</summary>
    [Id(2)] public required string Timezone { get; init; }

    /// <summary>All settings with the values in force, a JSON object.</summary>
    [Id(3), JsonConverter(typeof(RawJsonConverter))]
    public required string Settings { get; init; }

    /// <summary>Why nothing is sent: settings or a time zone that others wrote and nobody can read, or a sender that is not allowed. Null when nothing is wrong.</summary>
    [Id(4)] public string? Fault { get; init; }
}

/// <param name="Data">The last made first.</param>
/// <param name="NextCursor">Where the next page starts; null on the last.</param>
[GenerateSerializer, Immutable, Alias("sms.business-page")]
public sealed record BusinessPage([property: Id(0)] BusinessView[] Data, [property: Id(1)] string? NextCursor);

/// <summary>What a new business gets.</summary>
/// <param name="Name">1 to 200 characters.</param>
/// <param name="Timezone">tz id; null: the default.</param>
/// <param name="Settings">A JSON object; null: all defaults.</param>
/// <param name="KeyId">Minted at the edge.</param>
/// <param name="KeyHash">SHA-256 of the first key.</param>
/// <param name="KeyHint">The key's last four characters.</param>
[GenerateSerializer, Immutable, Alias("sms.create-business")]
public sealed record CreateBusiness(
    [property: Id(0)] string Name, [property: Id(1)] string? Timezone, [property: Id(2)] string? Settings,
    [property: Id(3)] Guid KeyId, [property: Id(4)] byte[] KeyHash, [property: Id(5)] string KeyHint);

/// <summary>Changes of a business; null members stay.</summary>
/// <param name="Name">1 to 200 characters.</param>
/// <param name="Timezone">tz id.</param>
/// <param name="Settings">A JSON object laid over the settings in force.</param>
/// <param name="ByAdmin">Whether the admin key asks: some settings are the admin's.</param>
/// <param name="Actor">Who asks, for the business's history: a key by its id, or admin.</param>
[GenerateSerializer, Immutable, Alias("sms.change-business")]
public sealed record ChangeBusiness(
    [property: Id(0)] string? Name, [property: Id(1)] string? Timezone, [property: Id(2)] string? Settings,
    [property: Id(3)] bool ByAdmin, [property: Id(4)] string Actor);

/// <summary>A business's name, time zone and settings as they were, until the next version.</summary>
/// <param name="Version">What decisions name.</param>
/// <param name="At">Since when it was so.</param>
/// <param name="Actor">Who made it so: a key by its id, admin, or database for those who wrote there themselves.</param>
/// <param name="Name">Its name.</param>
/// <param name="Timezone">tz id; null: the default.</param>
/// <param name="Settings">As they were stored, a JSON object: what is not in it had its default. Null: others wrote more than 64 KB, which are no settings.</param>
[GenerateSerializer, Immutable, Alias("sms.business-version")]
public sealed record BusinessVersion(
    [property: Id(0)] long Version, [property: Id(1)] DateTimeOffset At, [property: Id(2)] string Actor, [property: Id(3)] string? Name,
    [property: Id(4)] string? Timezone, [property: Id(5), JsonConverter(typeof(RawJsonConverter))] string? Settings);

/// <param name="Data">Newest first.</param>
/// <param name="NextCursor">Where the next page starts; null on the last.</param>
[GenerateSerializer, Immutable, Alias("sms.business-version-page")]
public sealed record BusinessVersionPage([property: Id(0)] BusinessVersion[] Data, [property: Id(1)] string? NextCursor);

/// <summary>A business, or why not. Both null: there is no such business.</summary>
[GenerateSerializer, Immutable, Alias("sms.business-reply")]
public sealed record BusinessReply([property: Id(0)] BusinessView? Business, [property: Id(1)] Refusal? Refusal);

/// <summary>A recipient as clients see it.</summary>
[GenerateSerializer, Immutable, Alias("sms.customer-view")]
public sealed record CustomerView
{
    [Id(0)] public required Guid Id { get; init; }
    [Id(1)] public required Guid BusinessId { get; init; }
    [Id(2)] public string? Name { get; init; }

    /// <summary>E.164; null for a customer of the e-mail product without a usable number.</summary>
    [Id(3)] public string? Phone { get; init; }

    /// <summary>tz id.</summary>
    [Id(4)] public string? Timezone { get; init; }
    [Id(5)] public string? PostalCode { get; init; }
    [Id(6)] public required ConsentView SmsConsent { get; init; }
    [Id(7)] public required DateTimeOffset CreatedAt { get; init; }
    [Id(8)] public required DateTimeOffset UpdatedAt { get; init; }

    /// <summary>Two letters of a state or territory of the US.</summary>
    [Id(9)] public string? State { get; init; }
}

/// <summary>The current consent to marketing texts.</summary>
[GenerateSerializer, Immutable, Alias("sms.consent-view")]
public sealed record ConsentView
{
    /// <summary>opted_in, opted_out, unknown or under_review.</summary>
    [Id(0)] public required string Status { get; init; }

    /// <summary>verbal_in_person, phone_call, service_agreement, website_form, sms_keyword or other.</summary>
    [Id(1)] public string? Method { get; init; }
    [Id(2)] public string? Source { get; init; }
    [Id(3)] public DateTimeOffset? At { get; init; }
    [Id(4)] public string? Notes { get; init; }
    [Id(5)] public string? Ip { get; init; }
}

/// <summary>A customer to be made, or met again by its number.</summary>
[GenerateSerializer, Immutable, Alias("sms.create-customer")]
public sealed record CreateCustomer
{
    [Id(0)] public required Guid Id { get; init; }
    [Id(1)] public string? Name { get; init; }

    /// <summary>As the client wrote it; read in the business's region.</summary>
    [Id(2)] public required string Phone { get; init; }
    [Id(3)] public string? Timezone { get; init; }
    [Id(4)] public string? PostalCode { get; init; }

    /// <summary>Null: nothing is said about consent.</summary>
    [Id(5)] public ConsentView? Consent { get; init; }

    /// <summary>Who says it, for the consent ledger.</summary>
    [Id(6)] public required string Actor { get; init; }

    /// <summary>Two letters of a state or territory of the US.</summary>
    [Id(7)] public string? State { get; init; }

    /// <summary>The wording to which the customer agreed; null: none is known.</summary>
    [Id(8)] public string? ConsentText { get; init; }
}

/// <summary>A customer, or why not.</summary>
/// <param name="Customer">New or existing.</param>
/// <param name="Created">False when the number was known already.</param>
/// <param name="Refusal">Set when there is no customer.</param>
[GenerateSerializer, Immutable, Alias("sms.customer-reply")]
public sealed record CustomerReply(
    [property: Id(0)] CustomerView? Customer, [property: Id(1)] bool Created, [property: Id(2)] Refusal? Refusal);
