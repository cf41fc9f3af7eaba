using System.Reflection;
using System.Runtime.CompilerServices;
using Orleans.Serialization.Invocation;
using Sms.Contracts;

namespace Sms.Cluster.Tests;

/// <summary>Orleans writes calls into its logs (a call that took long, or was given up): what they carry must not show.</summary>
public sealed class WirePrivacyTests
{
    private const string Secret = "+15125550142 a text that nobody else may read";

    private static readonly Type[] Types = typeof(SendCommand).Assembly.GetTypes();

    public static TheoryData<string> Calls =>
        new(Types.Where(t => typeof(IInvokable).IsAssignableFrom(t) && !t.IsAbstract).Select(t => t.FullName!));

    [Theory]
    [MemberData(nameof(Calls))]
    public void A_call_shows_no_argument_with_a_number_or_a_text(string type)
    {
        var call = (IInvokable)Activator.CreateInstance(typeof(SendCommand).Assembly.GetType(type)!)!;
        var parameters = call.GetMethod().GetParameters();
        for (var n = 0; n < call.GetArgumentCount(); n++)
            call.SetArgument(n, Sample(parameters[n].ParameterType)!);
        Assert.DoesNotContain(Secret, call.ToString(), StringComparison.Ordinal);
    }

    private static object? Sample(Type type)
    {
        if (type == typeof(string))
            return Secret;
        if (type.IsArray)
        {
            var array = Array.CreateInstance(type.GetElementType()!, 1);
            array.SetValue(Sample(type.GetElementType()!), 0);
            return array;
        }

        if (type.IsValueType)
            return Activator.CreateInstance(type);
        var sample = RuntimeHelpers.GetUninitializedObject(type);
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.CanWrite && p.PropertyType != type && p.GetIndexParameters().Length == 0))
            property.SetValue(sample, Sample(property.PropertyType));
        return sample;
    }
}
