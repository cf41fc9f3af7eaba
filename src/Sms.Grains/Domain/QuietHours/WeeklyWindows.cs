using System.Diagnostics.CodeAnalysis;
using NodaTime;

namespace Sms.Domain.QuietHours;

/// <summary>
/// When sending is allowed in a week: at most one <see cref="DailyWindow"/> a weekday, owned by the day on which it
/// opens. Compared by value.
/// </summary>
public sealed class WeeklyWindows : IDailyHours, IEquatable<WeeklyWindows>
{
    private static readonly string[] DayNames = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

    private readonly DailyWindow?[] _days;

    private WeeklyWindows(DailyWindow?[] days) => _days = days;

    /// <summary>08:00 to 21:00 on all days.</summary>
    /// <remarks>Source: 47 CFR 64.1200(c)(1).</remarks>
    public static WeeklyWindows Default { get; } = Everyday(8 * 60, 21 * 60);

    /// <summary>The window that opens on that day; null when none does.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not Monday to Sunday.</exception>
    public DailyWindow? this[IsoDayOfWeek day] =>
        day is >= IsoDayOfWeek.Monday and <= IsoDayOfWeek.Sunday
            ? _days[(int)day - 1]
            : throw new ArgumentOutOfRangeException(nameof(day), day, "A window belongs to one of Monday to Sunday.");

    /// <summary>The window of the date's weekday.</summary>
    public DailyWindow? On(LocalDate date) => _days[(int)date.DayOfWeek - 1];

    /// <summary>The same window on all seven days; bounds as of <see cref="DailyWindow"/>.</summary>
    public static WeeklyWindows Everyday(int openMinute, int closeMinute)
    {
        var days = new DailyWindow?[DayNames.Length];
        Array.Fill(days, new DailyWindow(openMinute, closeMinute));
        return new WeeklyWindows(days);
    }

    /// <summary>
    /// Reads <c>{"mon": ["08:00", "21:00"], …}</c>: keys <c>mon</c> to <c>sun</c>, each with its open and its close
    /// as <c>HH:mm</c>. A missing day is closed; <c>24:00</c> is allowed as a close only.
    /// </summary>
    /// <param name="days">The windows by day.</param>
    /// <param name="windows">The windows, or null.</param>
    /// <param name="error">One sentence that names the day, or null.</param>
    public static bool TryParse(
        IReadOnlyDictionary<string, string[]> days,
        [NotNullWhen(true)] out WeeklyWindows? windows,
        [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(days);
        windows = null;
        var parsed = new DailyWindow?[DayNames.Length];
        foreach (var (name, times) in days)
        {
            var day = Array.IndexOf(DayNames, name);
            error = day < 0
                ? $"'{name}' is not a day: use mon, tue, wed, thu, fri, sat or sun."
                : ParseDay(name, times, out parsed[day]);
            if (error is not null) return false;
        }

        windows = new WeeklyWindows(parsed);
        error = null;
        return true;
    }

    /// <summary>The shape that <see cref="TryParse"/> reads, Monday first, closed days left out.</summary>
    public Dictionary<string, string[]> ToDictionary()
    {
        var days = new Dictionary<string, string[]>(StringComparer.Ordinal);
        for (var day = 0; day < DayNames.Length; day++)
            if (_days[day] is { } window)
                days.Add(DayNames[day], [Format(window.OpenMinute), Format(window.CloseMinute)]);

        return days;
    }

    /// <summary>True when all seven days are the same.</summary>
    public bool Equals(WeeklyWindows? other) => other is not null && _days.AsSpan().SequenceEqual(other._days);

    /// <inheritdoc />
    public override bool Equals(object? obj) => Equals(obj as WeeklyWindows);

    /// <inheritdoc />
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var day in _days) hash.Add(day);
        return hash.ToHashCode();
    }

    /// <summary>The windows in words, for logs: <c>mon 08:00-21:00, tue …</c>.</summary>
    public override string ToString() =>
        string.Join(", ", ToDictionary().Select(static day => $"{day.Key} {day.Value[0]}-{day.Value[1]}"));

    private static string? ParseDay(string name, string[]? times, out DailyWindow? window)
    {
        window = null;
        if (times is not { Length: 2 })
            return $"'{name}' needs exactly two times, the open and the close.";
        if (!TryMinute(times[0], out var open) || open == DailyWindow.MinutesPerDay)
            return $"The open of '{name}' is not a time from 00:00 to 23:59, written HH:mm.";
        if (!TryMinute(times[1], out var close))
            return $"The close of '{name}' is not a time from 00:00 to 24:00, written HH:mm.";

        window = new DailyWindow(open, close);
        return null;
    }

    private static bool TryMinute(string? text, out int minute)
    {
        minute = 0;
        if (text is not [var h1, var h2, ':', var m1, var m2]
            || !char.IsAsciiDigit(h1) || !char.IsAsciiDigit(h2) || !char.IsAsciiDigit(m1) || !char.IsAsciiDigit(m2))
        {
            return false;
        }

        var minuteOfHour = (m1 - '0') * 10 + (m2 - '0');
        minute = ((h1 - '0') * 10 + (h2 - '0')) * 60 + minuteOfHour;
        return minuteOfHour < 60 && minute <= DailyWindow.MinutesPerDay;
    }

    private static string Format(int minute) => $"{minute / 60:00}:{minute % 60:00}";
}
