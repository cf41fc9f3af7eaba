using Npgsql;
using Sms.Contracts;

namespace Sms.Silo.Postgres;

/// <summary>A row of customers, here c, as clients see it.</summary>
internal static class CustomerRow
{
    public const string Columns =
        "c.id, c.business_id, c.name::text, coalesce(c.phone_e164, c.phone_shared)::text, c.timezone::text, c.postal_code::text, sms.consent_word(c.sms_consent_status::text), "
        + "c.sms_consent_method::text, c.sms_consent_source::text, c.sms_consent_at::timestamptz, c.sms_consent_notes::text, sms.plain(c.sms_consent_ip), "
        + "coalesce(c.created_at, 'epoch')::timestamptz, coalesce(c.updated_at, c.created_at, 'epoch')::timestamptz, c.state::text";

    /// <summary>How many they are: what a query adds comes after them.</summary>
    public const int Count = 15;

    public static CustomerView Read(NpgsqlDataReader r) => new()
    {
        Id = r.GetGuid(0),
        BusinessId = r.GetGuid(1),
        Name = r.Text(2),
        Phone = r.Text(3),
        Timezone = r.Text(4),
        PostalCode = r.Text(5),
        SmsConsent = new ConsentView
        {
            Status = r.GetString(6),
            Method = r.Text(7),
            Source = r.Text(8),
            At = r.OptionalTime(9),
            Notes = r.Text(10),
            Ip = r.Text(11),
        },
        CreatedAt = r.Time(12),
        UpdatedAt = r.Time(13),
        State = r.Text(14),
    };
}
