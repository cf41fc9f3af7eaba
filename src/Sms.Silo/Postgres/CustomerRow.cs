using Npgsql;
using Sms.Contracts;

namespace Sms.Silo.Postgres;

/// <summary>A row of customers, here c, as clients see it.</summary>
internal static class CustomerRow
{
    public const string Columns =
        "c.id, c.business_id, c.name, c.phone_e164, c.timezone, c.postal_code, sms.consent_word(c.sms_consent_status::text), c.sms_consent_method, "
        + "c.sms_consent_source, c.sms_consent_at, c.sms_consent_notes, c.sms_consent_ip, c.created_at, c.updated_at, c.state";

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
