using Orleans.Runtime;
using Orleans.Runtime.Messaging;
using Sms.Contracts;
using Sms.Ports;

namespace Sms.Cluster.Tests;

public sealed class LostCallsTests
{
    [Fact]
    public void What_the_cluster_or_the_database_does_is_no_fault_of_what_was_called_for() => Assert.All(
        new Exception[] { new TimeoutException(), new SiloUnavailableException("gone"), new ConnectionFailedException("cut"), new StoreUnavailableException("locked") },
        e => Assert.True(LostCalls.IsLost(e)));

    [Fact]
    public void All_else_is() => Assert.All(
        new Exception[] { new InvalidOperationException(), new FormatException(), new NotSupportedException(), new OperationCanceledException() },
        e => Assert.False(LostCalls.IsLost(e)));
}
