using System.CommandLine;

namespace Sms.Api;

/// <summary>The command line of silos and front-ends. A mistyped argument starts nothing.</summary>
public static class ProgramArguments
{
    /// <summary>The exit code of a program that was called wrongly.</summary>
    public const int Misuse = 2;

    /// <summary>Where the API listens; overrides <c>SMS_URLS</c>.</summary>
    public static Option<string?> Urls() => new("--urls") { HelpName = "URL;…", Description = "Where the API listens; as SMS_URLS." };

    /// <summary>Asks the program that runs beside it whether it is ready.</summary>
    public static Command Health()
    {
        var health = new Command("health", "Asks the program that runs beside it, with the same settings, whether it is ready.");
        health.SetAction((_, _) => HealthProbe.RunAsync());
        return health;
    }

    /// <summary>Does what the arguments say; where they say nothing that there is, lists what there is on the error stream.</summary>
    /// <returns>What the action returned, or <see cref="Misuse"/>.</returns>
    public static async Task<int> RunAsync(RootCommand root, string[] args)
    {
        var parsed = root.Parse(args, new ParserConfiguration { EnablePosixBundling = false, ResponseFileTokenReplacer = null });
        // The host ends by its own signals, and reports its own faults.
        var invocation = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
        if (parsed.Errors.Count == 0)
            return await parsed.InvokeAsync(invocation);
        invocation.Output = Console.Error;
        await parsed.InvokeAsync(invocation);
        return Misuse;
    }
}
