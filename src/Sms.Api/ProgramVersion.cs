using System.Reflection;

namespace Sms.Api;

/// <summary>Which version of the program this is.</summary>
public static class ProgramVersion
{
    /// <summary>For example 0.1.0, with the commit after a + where it was built from one.</summary>
    public static string Text { get; } = typeof(ProgramVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
}
