using System.Buffers;
using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using NodaTime;
using PhoneNumbers;
using ParsedNumber = PhoneNumbers.PhoneNumber;

namespace Sms.Domain.Phones;

/// <summary>
/// A telephone number in E.164: a plus sign and 7 to 15 digits, the first of which is not 0.
/// Prints itself masked, so that it cannot reach a log by accident.
/// </summary>
/// <remarks>Source of the bound of 15 digits: ITU-T E.164, section 6.</remarks>
public readonly record struct PhoneNumber
{
    /// <summary>Texts longer than this, in UTF-16 units, are refused unread.</summary>
    public const int MaxTextLength = 64;

    private const int MinDigits = 7;
    private const int MaxDigits = 15;
    private const int MaxVisibleDigits = 4;
    private const string UnknownRegion = "ZZ";

    private readonly string? _e164;

    private PhoneNumber(string e164) => _e164 = e164;

    /// <summary>The whole number, for the store and the provider only: <c>+12125551234</c>.</summary>
    /// <exception cref="InvalidOperationException">This is <c>default</c>, which is not a number.</exception>
    public string E164 => _e164 ?? throw new InvalidOperationException("This phone number was never set.");

    /// <summary>
    /// Country code, six asterisks and the last four digits: <c>+1******1234</c>. National numbers of fewer than
    /// eight digits show only their last half, else nothing of them would be hidden.
    /// </summary>
    public string Masked
    {
        get
        {
            if (_e164 is null) return "(none)";

            var national = _e164.Length - 1 - CallingCodeLength(_e164);
            var visible = Math.Min(MaxVisibleDigits, national / 2);
            return string.Concat(_e164.AsSpan(0, _e164.Length - national), "******", _e164.AsSpan(_e164.Length - visible));
        }
    }

    /// <summary>A number of the North American plan, +1 and ten digits: the US, Canada, the Caribbean.</summary>
    public bool IsNorthAmerican => E164 is { Length: 12 } number && number[1] == '1';

    /// <summary>The three digits after +1 of a number of the North American plan, 0 to 999.</summary>
    /// <exception cref="InvalidOperationException">It is no such number.</exception>
    public int AreaCode => IsNorthAmerican
        ? (E164[2] - '0') * 100 + (E164[3] - '0') * 10 + (E164[4] - '0')
        : throw new InvalidOperationException("Only numbers of the North American plan have an area code of three digits.");

    /// <summary>
    /// Reads a number as people write it: international with a plus sign, or national in <paramref name="defaultRegion"/>.
    /// </summary>
    /// <param name="text">At most <see cref="MaxTextLength"/> UTF-16 units.</param>
    /// <param name="defaultRegion">
    /// Two-letter ISO 3166 code, for numbers without a plus sign; with an unknown one, those are refused.
    /// </param>
    /// <param name="number">The number, or <c>default</c>.</param>
    /// <returns>
    /// True when the text has a length that its region's numbering plan dials from anywhere. False for local numbers
    /// without area code, short codes, numbers with an extension or with letters, U+0000, numbers that the North
    /// American plan cannot have, and texts that go on after a whole number (<c>01701234567.0</c>, <c>030 1234567/68</c>).
    /// It is not looked up whether anybody has the number.
    /// </returns>
    public static bool TryParse([NotNullWhen(true)] string? text, string defaultRegion, out PhoneNumber number)
    {
        number = default;
        if (string.IsNullOrEmpty(text) || text.Length > MaxTextLength || HasForeignCharacters(text)) return false;
        if (Possible(text, defaultRegion) is not { } parsed || GoesOnAfterTheNumber(text, defaultRegion)) return false;

        var e164 = PhoneNumberUtil.GetInstance().Format(parsed, PhoneNumberFormat.E164);
        if (!IsE164(e164)) return false;

        number = new PhoneNumber(e164);
        if (!number.IsNorthAmerican || NorthAmericanPlan.Has(e164.AsSpan(2))) return true;

        number = default;
        return false;
    }

    /// <summary>Whether the phone-number library reads national numbers of this region: two capital letters of ISO 3166.</summary>
    public static bool IsRegion(string region) => PhoneNumberUtil.GetInstance().GetSupportedRegions().Contains(region);

    /// <summary>The region that the phone-number library gives the number: two letters of ISO 3166, 001 for no country; null: nobody has the calling code.</summary>
    internal string? Region()
    {
        // The library throws for a calling code that is not assigned.
        if (CallingCodeLength(E164) == 0) return null;

        var util = PhoneNumberUtil.GetInstance();
        var parsed = util.Parse(E164, UnknownRegion);
        // Of regions that share a code it tells apart numbers in service only; the others are of the first.
        return util.GetRegionCodeForNumber(parsed) ?? util.GetRegionCodeForCountryCode(parsed.CountryCode);
    }

    /// <summary>The region of the North American plan that the library gives an area code; null: it knows none.</summary>
    internal static string? RegionOfAreaCode(int areaCode)
    {
        var util = PhoneNumberUtil.GetInstance();
        return areaCode < 200 ? null : util.GetRegionCodeForNumber(util.Parse(string.Create(CultureInfo.InvariantCulture, $"+1{areaCode}2345678"), UnknownRegion));
    }

    /// <summary>Takes a number that was parsed before it was stored: checks its shape only.</summary>
    /// <exception cref="ArgumentException">Not a plus sign and 7 to 15 digits, the first of which is not 0.</exception>
    public static PhoneNumber FromE164(string e164)
    {
        ArgumentNullException.ThrowIfNull(e164);
        if (!IsE164(e164)) throw new ArgumentException("The text is not a phone number in E.164.", nameof(e164));

        return new PhoneNumber(e164);
    }

    /// <summary>Reads a number as it is stored; false: the text is not one in E.164, whether such a number can exist or not.</summary>
    public static bool TryRead(string text, out PhoneNumber number)
    {
        ArgumentNullException.ThrowIfNull(text);
        number = IsE164(text) ? new PhoneNumber(text) : default;
        return number != default;
    }

    /// <summary>
    /// The time zones in which the number may be, by its country and area code, as ids known to
    /// <see cref="DateTimeZoneProviders.Tzdb"/>; empty when nothing is known of it.
    /// </summary>
    /// <remarks>
    /// An area code tells where a number was issued, not where its owner is, and overlay area codes lack the splits
    /// of the code they overlay. One zone for a number is therefore a guess; several are alternatives.
    /// </remarks>
    public IReadOnlyList<string> TimeZones()
    {
        // The library throws for a calling code that is not assigned.
        if (CallingCodeLength(E164) == 0) return [];

        var parsed = PhoneNumberUtil.GetInstance().Parse(E164, UnknownRegion);
        return PhoneNumberToTimeZonesMapper.GetInstance().GetTimeZonesForNumber(parsed)
            .Where(static id => DateTimeZoneProviders.Tzdb.GetZoneOrNull(id) is not null)
            .ToArray();
    }

    /// <summary>The masked number.</summary>
    public override string ToString() => Masked;

    private static ParsedNumber? Possible(string text, string region)
    {
        var util = PhoneNumberUtil.GetInstance();
        ParsedNumber parsed;
        try
        {
            parsed = util.Parse(text, region);
        }
        catch (NumberParseException)
        {
            // The library's only way to say "not a number".
            return null;
        }

        // IsPossibleNumber also accepts numbers that work only within their own town; E.164 of those is somebody else.
        return !parsed.HasExtension && util.IsPossibleNumberWithReason(parsed) == PhoneNumberUtil.ValidationResult.IS_POSSIBLE ? parsed : null;
    }

    /// <summary>
    /// Whether a few digits follow that are not the number's: a spreadsheet's <c>.0</c>, a second ending (<c>/68</c>), a
    /// note (<c>(2)</c>). The library drops what separates digits, and would make a longer number of them: somebody else's.
    /// </summary>
    /// <remarks>
    /// In plans of one length the longer number is refused anyway; in those of several (Germany, Austria, Italy) only the
    /// writing tells. Groups of two between points (<c>06.12.34.56.78</c>) are one number.
    /// </remarks>
    private static bool GoesOnAfterTheNumber(string text, string region)
    {
        var digits = new List<(int Start, int End)>();
        for (var n = 0; n < text.Length; n++)
        {
            if (!char.IsDigit(text[n])) continue;
            if (digits.Count > 0 && digits[^1].End == n)
                digits[^1] = (digits[^1].Start, n + 1);
            else
                digits.Add((n, n + 1));
        }

        if (digits.Count < 2) return false;
        var inside = text.AsSpan(digits[0].Start, digits[^1].End - digits[0].Start);
        if (inside.ContainsAny(EndOfNumber)) return true;

        var tail = digits[^1];
        var length = tail.End - tail.Start;
        var gap = text.AsSpan(digits[^2].End, tail.Start - digits[^2].End);
        var head = text[..digits[^2].End];
        if (gap.ContainsAny(Points))
        {
            if (length == 1 || length <= 3 && inside.Count('.') + inside.Count('\uFF0E') == 1) return true;
            var isZero = text.AsSpan(tail.Start, length).IndexOfAnyExcept('0') < 0;
            var isOneOfPairs = digits[^2].End - digits[^2].Start == length && digits.Count > 2
                && text.AsSpan(digits[^3].End, digits[^2].Start - digits[^3].End).ContainsAny(Points);
            return (isZero || length <= 2 && !isOneOfPairs) && Possible(head, region) is not null;
        }

        // A town's code before a slash is no number by itself.
        return gap.ContainsAny(Openings) && Possible(head, region) is { } whole && (length <= 2 || PhoneNumberUtil.GetInstance().IsValidNumber(whole));
    }

    private static readonly SearchValues<char> Points = SearchValues.Create(".\uFF0E");

    // A slash, or a bracket that opens.
    private static readonly SearchValues<char> Openings = SearchValues.Create("/\uFF0F([\uFF08\uFF3B");

    // No number has these inside: they stand for a decimal, a range, another number, or keys to press.
    private static readonly SearchValues<char> EndOfNumber = SearchValues.Create(",;~*#\uFF0C\uFF1B\uFF5E\u2053\u223C\uFF0A\uFF03\u3001\u066B\u066C");

    // Letters stand for an extension ("x123", "ext.") or a vanity number, which the library would silently translate.
    private static bool HasForeignCharacters(string text) =>
        text.Any(static c => c == '\0' || char.IsLetter(c) || char.IsSurrogate(c));

    private static bool IsE164(string text) =>
        text.Length is > MinDigits and <= MaxDigits + 1
        && text[0] == '+'
        && text[1] != '0'
        && !text.AsSpan(1).ContainsAnyExceptInRange('0', '9');

    // No calling code is the beginning of another one; a code that is not assigned shows no digit at all.
    private static int CallingCodeLength(string e164)
    {
        var code = 0;
        for (var length = 1; length <= 3; length++)
        {
            code = code * 10 + (e164[length] - '0');
            if (CallingCodes.Assigned.Contains(code)) return length;
        }

        return 0;
    }

    private static class CallingCodes
    {
        public static readonly FrozenSet<int> Assigned =
            PhoneNumberUtil.GetInstance().GetSupportedCallingCodes().ToFrozenSet();
    }
}
