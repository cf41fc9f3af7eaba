using System.Reflection;
using Sms.Integration.Tests.Operations;
using Twilio.Rest.Api.V2010.Account;
using Xunit;

namespace Sms.Integration.Tests.Twilio;

/// <summary>The list of banned symbols fits the package that is used: a name that it does not know bans nothing, and nobody is told.</summary>
public sealed class PackageBanTests
{
    /// <summary>They read no reply of Twilio's.</summary>
    private static readonly string[] Harmless = ["FromJson", "ToJson"];

    /// <summary>Asynchronous for the first page alone.</summary>
    private static readonly string[] Pages = ["ReadAsync", "ReadWithHeadersAsync"];

    [Fact]
    public void All_that_blocks_a_thread_is_banned_and_nothing_else_of_a_message()
    {
        var blocking = typeof(MessageResource).GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)
            .Where(m => !typeof(Task).IsAssignableFrom(m.ReturnType) || Pages.Contains(m.Name, StringComparer.Ordinal))
            .Where(m => !Harmless.Contains(m.Name, StringComparer.Ordinal))
            .Select(m => $"M:{Name(m.DeclaringType!)}.{m.Name}({string.Join(',', m.GetParameters().Select(p => Name(p.ParameterType)))})");

        Assert.Equal(blocking.Order(StringComparer.Ordinal), Banned().Where(id => id.StartsWith($"M:{Name(typeof(MessageResource))}.", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_other_banned_symbol_exists()
    {
        var package = typeof(MessageResource).Assembly;
        var types = Banned().Where(id => id.StartsWith("T:Twilio.", StringComparison.Ordinal)).Select(id => id[2..]).ToList();
        var properties = Banned().Where(id => id.StartsWith("P:Twilio.", StringComparison.Ordinal)).Select(id => id[2..]).ToList();

        Assert.Equal((4, 5), (types.Count, properties.Count));
        Assert.All(types, type => Assert.NotNull(package.GetType(type)));
        Assert.All(properties, property =>
            Assert.NotNull(package.GetType(property[..property.LastIndexOf('.')])!.GetProperty(property[(property.LastIndexOf('.') + 1)..])));
        Assert.Contains("M:Twilio.Clients.TwilioRestClient.Request(Twilio.Http.Request)", Banned());
    }

    private static List<string> Banned() =>
        [.. File.ReadLines(Path.Combine(ApiDescription.Root(), "BannedSymbols.txt")).Select(line => line.Split(';')[0])];

    /// <summary>As in the ids of documentation comments.</summary>
    private static string Name(Type type) => type.IsGenericType
        ? $"{type.FullName![..type.FullName!.IndexOf('`', StringComparison.Ordinal)]}{{{string.Join(',', type.GetGenericArguments().Select(Name))}}}"
        : type.FullName!.Replace('+', '.');
}
