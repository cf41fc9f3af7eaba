using System.Text;

namespace Sms.Testing;

/// <summary>What a test measured, for whoever runs it: a runner shows the output of failed tests only.</summary>
public static class Figures
{
    public static void Print(string line)
    {
        using var output = Console.OpenStandardError();
        output.Write(Encoding.UTF8.GetBytes($"{line}\n"));
    }
}
