namespace Sms.Domain.Segments;

/// <summary>
/// Fills segments in order. A character is never split between two: what does not fit moves on whole, so the number
/// of segments is not the length divided by their size.
/// </summary>
/// <remarks>
/// A segment has 1,120 bits; one of several gives 48 of them to the header that puts them together again.
/// Source: 3GPP TS 23.040, sections 9.2.3.16 and 9.2.3.24.1.
/// </remarks>
internal struct SegmentFill(int single, int several)
{
    private readonly List<int> _filled = [];
    private int _current;
    private int _total;

    /// <summary>160 septets alone, 153 among several.</summary>
    public static SegmentFill Septets() => new(160, 153);

    /// <summary>70 UTF-16 units alone, 67 among several.</summary>
    public static SegmentFill Utf16Units() => new(70, 67);

    /// <summary>The units that a segment among several holds.</summary>
    public readonly int Capacity => several;

    /// <summary>Adds one character of so many units, at most <see cref="Capacity"/>.</summary>
    public void Add(int units)
    {
        if (_current + units > several)
        {
            _filled.Add(_current);
            _current = 0;
        }

        _current += units;
        _total += units;
    }

    /// <summary>The units in each segment; a text without characters still is one segment.</summary>
    public readonly int[] ToUnitsPerSegment() => _total <= single ? [_total] : [.. _filled, _current];
}
