namespace Sms.Domain.Places;

/// <summary>What a field says of where somebody is.</summary>
internal enum EvidenceKind
{
    /// <summary>It was left blank.</summary>
    None,

    /// <summary>It names a place that is known.</summary>
    Known,

    /// <summary>It is well-formed and of no place: military mail.</summary>
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
