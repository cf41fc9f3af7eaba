using Sms.Domain.Phones;
using Sms.Domain.Sending;

namespace Sms.Domain.Places;

/// <summary>The country that a number belongs to, by its calling code and what follows: where it was issued, not where its owner is.</summary>
public static class RecipientCountry
{
    /// <summary>Stands for numbers of no country: satellite telephones, international networks.</summary>
    /// <remarks>Source: UN M49, the code of the world, as the phone-number library uses it.</remarks>
    public const string None = "001";

    private const string Us = "US", Canada = "CA";

    private static readonly string[] Territories = ["PR", "GU", "VI", "AS", "MP"];

    private static readonly WordList OfTheUs = new([Us, .. Territories]);

    private static readonly Lazy<string[]> ByAreaCode = new(static () => [.. Enumerable.Range(0, 1_000).Select(OfAreaCode)]);

    /// <summary>The countries that a business of this region texts when nothing else is said: of the US its territories too.</summary>
    /// <remarks>Source: the HTTP contract.</remarks>
    public static WordList DefaultFor(string region) => region == Us ? OfTheUs : new WordList([region]);

    /// <summary>Whether the law of the US holds there: the US and its territories.</summary>
    public static bool IsOfTheUs(string country) => OfTheUs.Contains(country);

    /// <summary>Whether it may stand in a list of countries: two capital letters of ISO 3166 with numbers of their own, or <see cref="None"/>.</summary>
    public static bool IsKnown(string country) => country == None || PhoneNumber.IsRegion(country);

    /// <summary>Two letters of ISO 3166, or <see cref="None"/>; null: nobody has the calling code.</summary>
    /// <remarks>
    /// Numbers of the North American plan whose area code stands for no place, as toll-free ones, are of the US.
    /// </remarks>
    public static string? Of(PhoneNumber number) => number.IsNorthAmerican ? ByAreaCode.Value[number.AreaCode] : number.Region();

    private static string OfAreaCode(int areaCode)
    {
        // The library tells the Caribbean by its area codes, and the US from Canada only by numbers in service.
        var country = PhoneNumber.RegionOfAreaCode(areaCode);
        if (country is not (null or Us or Canada))
            return country;
        var places = PlaceTables.Current.AreaCode(areaCode)?.Jurisdictions ?? [];
        return places.Select(static j => j.Code).FirstOrDefault() switch
        {
            null => country ?? Us,
            "CA" => Canada,
            var code => Territories.FirstOrDefault(t => code == $"US-{t}") ?? Us,
        };
    }
}
