namespace Sms.Domain.Places;

/// <summary>What a field says of where somebody is.</summary>
internal enum EvidenceKind
{
    /// <summary>It was left blank.</summary>
    None,

    /// <summary>It names a place that is known.</summary>
    Known,

    /// <summary>It is well-formed and of no place: military mail, UTC, a fixed offset.</summary>
    Nowhere,

    /// <summary>Somebody wrote something that cannot be read: there is a place, and nobody knows which.</summary>
    Unreadable,
}

/// <param name="Kind">What the field says.</param>
/// <param name="Region">The place, where it is known.</param>
internal readonly record struct Evidence(EvidenceKind Kind, Region? Region = null)
{
    public static Evidence Of(Region region) => new(EvidenceKind.Known, region);
}

/// <summary>What became of one source when the place was decided.</summary>
/// <param name="Source">customer (the time zone), postal_code, state, area_code or business.</param>
/// <param name="Use">
/// clock: its zones had to allow it. narrowed: a source that knows more lies within it. law: its clock does not count, its
/// law does. conflict: it contradicts another, and both had to allow it. ignored: it names no place. unreadable: it names one
/// that nobody can read.
/// </param>
/// <param name="Zones">The zones that it names.</param>
/// <param name="Jurisdictions">The law-givers that it names.</param>
public sealed record PlaceEvidence(string Source, string Use, IReadOnlyList<string> Zones, IReadOnlyList<string> Jurisdictions);
