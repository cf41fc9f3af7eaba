using System.Net.Sockets;
using Npgsql;
using Sms.Api;

namespace Sms.Integration.Tests.Operations;

/// <summary>What of a framework's lines is the echo of an outage, and what is an error of its own.</summary>
public sealed class FrameworkEchoesTests
{
    [Fact]
    public void What_did_not_answer_is_an_echo_also_inside_another_exception()
    {
        foreach (var e in new Exception[]
        {
            new TimeoutException(), new SocketException(), new IOException(), new NpgsqlException("away"), Postgres("57P03"), Postgres("57P01"),
            new InvalidOperationException("outer", new NpgsqlException("away")), new AggregateException(new TimeoutException()),
        })
            Assert.True(FrameworkEchoes.IsOfAnOutage(e), e.ToString());
    }

    [Fact]
    public void A_fault_is_none()
    {
        foreach (var e in new Exception?[] { null, new InvalidOperationException(), new InvalidCastException(), Postgres("42703"), Postgres("23505"), new AggregateException(new FormatException()) })
            Assert.False(FrameworkEchoes.IsOfAnOutage(e), e?.ToString());
    }

    private static PostgresException Postgres(string state) => new("words", "ERROR", "ERROR", state);
}
