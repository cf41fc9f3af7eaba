namespace Sms.Domain.Segments;

/// <summary>The default alphabet of GSM 03.38 with its extension table.</summary>
/// <remarks>
/// Source: 3GPP TS 23.038, sections 6.2.1 and 6.2.1.1. The capital Ç is in, the small one is not; nor are the backtick,
/// the tab and á, í, ó, ú.
/// </remarks>
internal static class GsmAlphabet
{
    private const string Basic =
        "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
        + "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

    private const string Extension = "\f^{}\\[~]|€";

    // One byte for each char up to the last of the alphabet: a text of 160 characters is measured without a hash.
    private static readonly byte[] Lengths = Build();

    /// <summary>How many septets the character takes, 1 or 2; 0 when it is not in the alphabet.</summary>
    public static int Septets(char character) => character < Lengths.Length ? Lengths[character] : 0;

    private static byte[] Build()
    {
        var lengths = new byte[Extension.Max() + 1];
        foreach (var character in Basic) lengths[character] = 1;
        foreach (var character in Extension) lengths[character] = 2;
        return lengths;
    }
}
