namespace Sms.Domain.Tests.Statutes;

/// <summary>
/// The hours of marketing as a minute table, made from a hand-written copy of the laws and of the clocks of the US: it
/// reads none of the product's files and shares none of its code.
/// </summary>
internal static class LawModel
{
    public const int Days = 11;

    /// <summary>Standard offset in hours, and whether summer time is kept.</summary>
    private static readonly Dictionary<string, (int Standard, bool Summer)> Clocks = new(StringComparer.Ordinal)
    {
        ["America/New_York"] = (-5, true),
        ["America/Chicago"] = (-6, true),
        ["America/Denver"] = (-7, true),
        ["America/Boise"] = (-7, true),
        ["America/Los_Angeles"] = (-8, true),
        ["America/Phoenix"] = (-7, false),
        ["America/Anchorage"] = (-9, true),
        ["America/Adak"] = (-10, true),
        ["Pacific/Honolulu"] = (-10, false),
        ["America/Puerto_Rico"] = (-4, false),
        ["America/St_Thomas"] = (-4, false),
        ["Pacific/Guam"] = (10, false),
        ["Pacific/Saipan"] = (10, false),
        ["Pacific/Pago_Pago"] = (-11, false),
    };

    /// <summary>A state, a ZIP code and an area code of it that lie in one zone.</summary>
    public static readonly (string State, string Zip, string AreaCode, string Zone)[] Places =
    [
        .. """
            AL 35203 205 America/Chicago;AK 99701 907 America/Anchorage;AZ 85004 602 America/Phoenix;AR 72201 501 America/Chicago
            CA 94103 415 America/Los_Angeles;CO 80202 303 America/Denver;CT 06103 860 America/New_York;DE 19801 302 America/New_York
            DC 20001 202 America/New_York;FL 33101 305 America/New_York;GA 30303 404 America/New_York;HI 96813 808 Pacific/Honolulu
            ID 83702 208 America/Boise;IL 60601 312 America/Chicago;IN 46204 317 America/New_York;IA 50309 515 America/Chicago
            KS 67202 316 America/Chicago;KY 40202 502 America/New_York;LA 70112 504 America/Chicago;ME 04101 207 America/New_York
            MD 21201 410 America/New_York;MA 02108 617 America/New_York;MI 48226 313 America/New_York;MN 55401 612 America/Chicago
            MS 39201 601 America/Chicago;MO 63101 314 America/Chicago;MT 59601 406 America/Denver;NE 68102 402 America/Chicago
            NV 89101 702 America/Los_Angeles;NH 03301 603 America/New_York;NJ 08608 609 America/New_York;NM 87501 505 America/Denver
            NY 10001 212 America/New_York;NC 27601 919 America/New_York;ND 58102 701 America/Chicago;OH 43215 614 America/New_York
            OK 73102 405 America/Chicago;OR 97201 503 America/Los_Angeles;PA 19103 215 America/New_York;RI 02903 401 America/New_York
            SC 29201 803 America/New_York;SD 57104 605 America/Chicago;TN 37203 615 America/Chicago;TX 78701 512 America/Chicago
            UT 84101 801 America/Denver;VT 05602 802 America/New_York;VA 23219 804 America/New_York;WA 98101 206 America/Los_Angeles
            WV 25301 304 America/New_York;WI 53202 414 America/Chicago;WY 82001 307 America/Denver;PR 00901 787 America/Puerto_Rico
            VI 00802 340 America/St_Thomas;GU 96910 671 Pacific/Guam;AS 96799 684 Pacific/Pago_Pago;MP 96950 670 Pacific/Saipan
            """.Split([';', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(static line => line.Split(' ')).Select(static w => (w[0], w[1], w[2], w[3])),
    ];

    /// <summary>States of which parts keep several clocks.</summary>
    public static readonly (string State, string[] Zones)[] Split =
    [
        .. """
            FL America/New_York America/Chicago;IN America/New_York America/Chicago;KY America/New_York America/Chicago
            MI America/New_York America/Chicago;TN America/New_York America/Chicago;KS America/Chicago America/Denver
            NE America/Chicago America/Denver;ND America/Chicago America/Denver;SD America/Chicago America/Denver
            TX America/Chicago America/Denver;ID America/Boise America/Los_Angeles;OR America/Los_Angeles America/Boise
            NV America/Los_Angeles America/Denver;AZ America/Phoenix America/Denver;AL America/Chicago America/New_York
            AK America/Anchorage America/Adak America/Los_Angeles
            """.Split([';', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(static line => line.Split(' ')).Select(static w => (w[0], w[1..])),
    ];

    /// <summary>Numbers of whose area code parts keep several clocks.</summary>
    public static readonly (string State, string[] Zones)[] SplitAreaCodes =
    [
        ("AK", ["America/Anchorage", "America/Adak", "Pacific/Honolulu"]), ("ID", ["America/Boise", "America/Los_Angeles"]),
        ("ND", ["America/Chicago", "America/Denver"]), ("SD", ["America/Chicago", "America/Denver"]),
    ];

    /// <summary>A number of a country, and its one clock.</summary>
    public static readonly (string Country, string Number, string Zone)[] Abroad =
    [
        ("FR", "+33612345678", "Europe/Paris"), ("GB", "+447400123456", "Europe/London"), ("DE", "+4930123456", "Europe/Berlin"),
        ("IN", "+919812345678", "Asia/Kolkata"),
    ];

    /// <summary>The zones of a number whose area code nobody knows.</summary>
    public static readonly string[] Mainland = ["America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles"];

    public static bool IsSameClock(string one, string other) => Clocks[one] == Clocks[other];

    /// <summary>
    /// Whether each minute of <see cref="Days"/> days from that UTC midnight is lawful in all the zones, under federal and all
    /// the states' law.
    /// </summary>
    /// <param name="from">The first day.</param>
    /// <param name="zones">All must allow it.</param>
    /// <param name="states">All must allow it; XX: a state that nobody knows. Countries too.</param>
    /// <param name="isStrict">Whether the laws on automatic devices and the contested readings count.</param>
    /// <param name="sender">The sender's zone; null: it is no place.</param>
    public static bool[] Minutes(DateOnly from, string[] zones, string[] states, bool isStrict = true, string? sender = null)
    {
        var lawful = new bool[Days * 1_440];
        var start = from.ToDateTime(TimeOnly.MinValue);
        Array.Fill(lawful, true);
        foreach (var zone in zones)
            Hold(zone, (date, hour) => hour is >= 8 and < 21 && Array.TrueForAll(states, s => Allows(s, date, hour) && (!isStrict || AllowsStrictly(s, date, hour))));
        // Mississippi's law names a clock, North Carolina's names none.
        if (states.Contains("MS", StringComparer.Ordinal))
            Hold("standard time of Chicago", static (date, hour) => Allows("MS", date, hour));
        if (sender is not null && states.Contains("NC", StringComparer.Ordinal))
            Hold(sender, static (_, hour) => hour is >= 8 and < 21);
        return lawful;

        void Hold(string zone, Func<DateOnly, double, bool> allows)
        {
            for (var minute = 0; minute < lawful.Length; minute++)
            {
                if (!lawful[minute])
                    continue;
                var local = start.AddMinutes(minute + Offset(zone, start.AddMinutes(minute)));
                lawful[minute] = allows(DateOnly.FromDateTime(local), local.TimeOfDay.TotalHours);
            }
        }
    }

    private static bool Allows(string state, DateOnly date, double hour)
    {
        bool isSunday = date.DayOfWeek == DayOfWeek.Sunday, isSaturday = date.DayOfWeek == DayOfWeek.Saturday;
        return state switch
        {
            "FL" or "MD" or "MA" or "OK" or "OR" or "WA" or "WY" => hour < 20,
            "CT" or "NV" => hour is >= 9 and < 20,
            "MI" or "MN" or "NM" or "PR" => hour >= 9,
            "KY" => hour >= 10,
            "MS" => !isSunday && hour is >= 8 and < 20,
            "SD" => !isSunday && hour >= 9,
            "TX" => hour >= (isSunday ? 12 : 9),
            "AL" or "LA" => !isSunday && hour < 20 && !IsHoliday(state, date),
            "UT" => !isSunday && !IsHoliday(state, date),
            "RI" => !isSunday && !IsHoliday(state, date) && (isSaturday ? hour is >= 10 and < 17 : hour is >= 9 and < 18),
            "PA" when date < new DateOnly(2026, 10, 18) => !IsHoliday("PA before", date),
            "PA" => !isSunday && hour is >= 9 and < 19 && !IsHoliday("PA", date),
            "XX" => !isSunday && hour >= 10 && hour < (isSaturday ? 17 : 18) && Holidays.Keys.All(h => h is "France" or "Germany" || !IsHoliday(h, date)),
            "France" => !isSunday && hour >= 10 && hour < (isSaturday ? 18 : 20) && !IsHoliday("France", date),
            "Germany" => !isSunday && hour < 20 && !IsHoliday("Germany", date),
            "India" => hour >= 10,
            _ => true,
        };
    }

    private static bool AllowsStrictly(string state, DateOnly date, double hour)
    {
        bool isSunday = date.DayOfWeek == DayOfWeek.Sunday, isSaturday = date.DayOfWeek == DayOfWeek.Saturday;
        return state switch
        {
            "CA" => hour >= 9,
            "IN" => hour is >= 9 and < 20,
            "ME" => !isSaturday && !isSunday && hour is >= 9 and < 17,
            "SD" => !isSaturday,
            "PA" => date < new DateOnly(2026, 10, 18) || !isSaturday || hour < 12,
            "AL" => !IsHoliday("AL everywhere", date),
            _ => true,
        };
    }

    // Written down from calendars, for 2026 and the changes of the clock in 2024 to 2027 with the days after them.
    private const string Federal =
        "2026-01-01 2026-01-19 2026-02-16 2026-05-25 2026-06-19 2026-07-03 2026-07-04 2026-09-07 2026-10-12 2026-11-11 2026-11-26 2026-12-25 2024-11-11 2025-11-11 2027-01-01 2027-11-11";

    private static readonly Dictionary<string, string> Holidays = new(StringComparer.Ordinal)
    {
        ["AL"] = Federal + " 2026-04-27 2026-06-01 2026-12-01",
        ["AL everywhere"] = "2026-02-17",
        ["LA"] = Federal + " 2026-01-08 2026-02-17 2026-04-03 2026-06-20 2026-08-30 2026-11-01 2026-11-02 2026-11-03 2026-11-27 2025-12-31 2026-12-24 2026-12-31 2024-11-05 2025-11-01",
        ["RI"] = Federal + " 2026-05-04 2026-07-06 2026-08-10 2026-11-03 2024-11-05",
        ["UT"] = Federal + " 2026-06-15 2026-07-24",
        ["PA before"] = "2026-01-01 2026-01-19 2026-02-16 2026-04-03 2026-05-25 2026-06-14 2026-07-04 2026-09-07 2026-10-12 2024-11-05 2024-11-11 2025-11-04 2025-11-11",
        ["PA"] = Federal + " 2026-11-03 2027-11-02",
        ["France"] = "2024-11-01 2024-11-11 2025-11-01 2025-11-11 2026-11-01 2026-11-11 2027-11-01 2027-11-11 2026-05-14 2026-12-25",
        ["Germany"] = "2026-05-14 2026-12-25 2026-12-26",
    };

    public static IEnumerable<(string State, DateOnly Date)> HolidaysOf2026 => Holidays
        .SelectMany(static h => h.Value.Split(' '), static (h, d) => (h.Key[..2], DateOnly.Parse(d, System.Globalization.CultureInfo.InvariantCulture)))
        .Where(static h => h.Item2.Year == 2026 && Array.Exists(Places, p => p.State == h.Item1));

    private static bool IsHoliday(string calendar, DateOnly date) =>
        Holidays[calendar].Contains(date.ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal);

    // In minutes. Summer time from the second Sunday of March to the first of November, at two in the morning.
    private static int Offset(string zone, DateTime utc)
    {
        if (zone is "standard time of Chicago")
            return -360;
        if (zone is "Asia/Kolkata")
            return 330;
        if (zone.StartsWith("Europe/", StringComparison.Ordinal))
            return (zone is "Europe/London" ? 0 : 60) + (utc >= Sunday(utc.Year, 3, 25).AddHours(1) && utc < Sunday(utc.Year, 10, 25).AddHours(1) ? 60 : 0);
        var (standard, summer) = Clocks[zone];
        var begin = Sunday(utc.Year, 3, 8).AddHours(2 - standard);
        var end = Sunday(utc.Year, 11, 1).AddHours(1 - standard);
        return (standard + (summer && utc >= begin && utc < end ? 1 : 0)) * 60;
    }

    /// <summary>The first Sunday on or after that day.</summary>
    public static DateTime Sunday(int year, int month, int day)
    {
        var date = new DateTime(year, month, day, 0, 0, 0, DateTimeKind.Unspecified);
        return date.AddDays((7 - (int)date.DayOfWeek) % 7);
    }
}
