namespace Sms.Domain.Phones;

/// <summary>Which ten digits the North American plan can have, by its own rules: no table of codes in service, which grows old.</summary>
/// <remarks>Source: NANPA, "About the North American Numbering Plan": NXX-NXX-XXXX, N is 2 to 9; N11 are service codes.</remarks>
internal static class NorthAmericanPlan
{
    /// <summary>False for placeholders such as 0000000000 and 1234567890, which would make one person of all who gave them.</summary>
    /// <param name="national">Ten digits.</param>
    public static bool Has(ReadOnlySpan<char> national)
    {
        var area = national[..3];
        var exchange = national.Slice(3, 3);
        return IsCode(area) && !IsService(area)
            && IsCode(exchange) && (!IsService(exchange) || IsTollFree(area));
    }

    /// <summary>A code that may be answered anywhere: 800, 833, 844, 855, 866, 877, 888, and those reserved for more of them.</summary>
    /// <remarks>Source: ATIS-0300057, the toll-free service access codes; 822, 880 to 887 and 889 are reserved.</remarks>
    public static bool IsTollFree(int area) => area is 800 or 822 or 833 or 844 or 855 or 866 or 877 or >= 880 and <= 889;

    private static bool IsCode(ReadOnlySpan<char> code) => code[0] is >= '2' and <= '9';

    /// <summary>211 to 911: short numbers everywhere, so that no exchange of a place can begin with one.</summary>
    private static bool IsService(ReadOnlySpan<char> code) => code[1] == '1' && code[2] == '1';

    /// <summary>800, 822 to 888 and 880 to 889: dialled with all ten digits, so that 1-800-411-… may exist.</summary>
    private static bool IsTollFree(ReadOnlySpan<char> area) => area[0] == '8' && (area[1] == area[2] && area[1] != '9' || area[1] == '8');
}
