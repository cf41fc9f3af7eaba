using System.Buffers;
using System.Text;

namespace Sms.Silo.Twilio;

/// <summary>Writes application/x-www-form-urlencoded.</summary>
internal static class Form
{
    /// <summary>Characters that one UTF-16 unit takes at most: three bytes of UTF-8, each escaped.</summary>
    private const int MostPerUnit = 9;

    /// <returns>ASCII; the parameters in their order. Half a surrogate pair becomes U+FFFD.</returns>
    public static byte[] Write(List<KeyValuePair<string, string>> parameters)
    {
        var most = 0;
        foreach (var (name, value) in parameters)
            most += "&=".Length + ((name.Length + value.Length) * MostPerUnit);

        var form = ArrayPool<char>.Shared.Rent(most);
        try
        {
            var length = 0;
            foreach (var (name, value) in parameters)
            {
                if (length > 0)
                    form[length++] = '&';
                length += Escape(name, form.AsSpan(length));
                form[length++] = '=';
                length += Escape(value, form.AsSpan(length));
            }

            return Encoding.ASCII.GetBytes(form, 0, length);
        }
        finally
        {
            ArrayPool<char>.Shared.Return(form);
        }
    }

    private static int Escape(string text, Span<char> room) => Uri.TryEscapeDataString(text, room, out var written)
        ? written
        : throw new InvalidOperationException("An escaped text is longer than its bound.");
}
