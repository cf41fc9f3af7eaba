using NodaTime;

namespace Sms;

/// <summary>
/// What a business has used of its limits, as far as this activation knows: loaded once a day and counted along, so
/// that most decisions need not ask. The database counts exactly, in the transaction that stores a message or begins
/// an attempt, and says so when it finds more.
/// </summary>
internal sealed class Usage
{
    private LocalDate? _day;

    public int SegmentsToday { get; private set; }

    public int MessagesThisMonth { get; set; }

    public bool IsCurrent(LocalDate day) => _day == day;

    /// <summary>The database counted otherwise: it is asked again.</summary>
    public void Forget() => _day = null;

    public void Count(LocalDate day, int segments)
    {
        if (_day == day)
            SegmentsToday += segments;
    }

    public void Load(LocalDate day, (int Segments, int Messages) stored)
    {
        _day = day;
        (SegmentsToday, MessagesThisMonth) = stored;
    }
}
