using System.Runtime.InteropServices;
using NodaTime;

namespace Sms.Domain.Statutes;

/// <summary>What a law asks of the recipient before marketing may go. Each is more than the one before.</summary>
public enum ConsentLevel
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>An agreement in any form.</summary>
    Express,

    /// <summary>A signed agreement; a web form or a keyword is one.</summary>
    Written,
}

/// <summary>In what form a recipient agreed.</summary>
public enum ConsentForm
{
    /// <summary>A relationship stands in for it: the recipient bought something, or asked.</summary>
    Implied,

    /// <summary>Spoken.</summary>
    Express,

    /// <summary>Signed: a contract, a web form, a keyword.</summary>
    Written,
}

/// <summary>A recorded consent.</summary>
/// <param name="Form">Null: nobody recorded it, and whoever entered the consent answers for it.</param>
/// <param name="At">When it was given; null: nobody knows.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct ConsentGrant(ConsentForm? Form, Instant? At)
{
    /// <summary>The form that a method of the ledger stands for; null: it says nothing of it.</summary>
    public static ConsentForm? FormOf(string? method) => method switch
    {
        "verbal_in_person" or "phone_call" => ConsentForm.Express,
        "service_agreement" or "website_form" or "sms_keyword" => ConsentForm.Written,
        _ => null,
    };
}

/// <summary>What consent one law asks for, from one day to another.</summary>
/// <param name="Id">Names the row: jurisdiction and number.</param>
/// <param name="Jurisdiction">As of <see cref="Statutes.Jurisdiction.Code"/>.</param>
/// <param name="From">Its first day; null: always.</param>
/// <param name="Until">The day after its last; null: for good.</param>
/// <param name="Level">What it asks for.</param>
/// <param name="ImpliedMonths">For how long a relationship stands in for express consent; null: it does not.</param>
/// <param name="IsPending">It is not law yet: it is shown, and binds nobody.</param>
/// <param name="VerifiedOn">When somebody last compared it with the law.</param>
/// <param name="Confidence">H, M or L.</param>
/// <param name="Citation">The law.</param>
public sealed record ConsentRule(
    string Id, string Jurisdiction, LocalDate? From, LocalDate? Until, ConsentLevel Level, int? ImpliedMonths, bool IsPending,
    LocalDate VerifiedOn, string Confidence, string Citation)
{
    internal bool IsInForce(LocalDate date) => !IsPending && (From is not { } from || date >= from) && (Until is not { } until || date < until);

    /// <summary>Whether a consent is enough for it.</summary>
    /// <param name="grant">The consent; null: there is none.</param>
    /// <param name="now">The present.</param>
    public bool IsMetBy(ConsentGrant? grant, Instant now)
    {
        if (Level == ConsentLevel.None)
            return true;
        if (grant is not { } given)
            return false;
        return given.Form switch
        {
            null or ConsentForm.Written => true,
            ConsentForm.Express => Level == ConsentLevel.Express,
            _ => Level == ConsentLevel.Express && ImpliedMonths is { } months && given.At is { } at
                && now < at.InUtc().LocalDateTime.PlusMonths(months).InUtc().ToInstant(),
        };
    }
}
