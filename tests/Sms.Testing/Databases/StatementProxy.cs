using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Sms.Testing.Databases;

/// <summary>What befalls the transaction that a trap waits for.</summary>
public enum TrapKind
{
    /// <summary>Stopped before its commit; the program waits for ever.</summary>
    HoldBeforeCommit,

    /// <summary>Stopped after its commit, before the program learns of it.</summary>
    HoldAfterCommit,

    /// <summary>The connection is cut before its commit, which does not happen.</summary>
    CutBeforeCommit,

    /// <summary>The connection is cut once its commit was asked for: the server carries it out whenever it gets to it.</summary>
    CutAtCommit,

    /// <summary>The connection is cut after its commit, before the program learns of it.</summary>
    CutAfterCommit,
}

/// <summary>
/// Reads what is asked, and springs traps on the statements that a test names: so a test can kill a process, or cut its
/// connection, on either side of a certain commit.
/// </summary>
/// <param name="server">Where PostgreSQL listens.</param>
/// <remarks>Source: PostgreSQL documentation, "Frontend/Backend Protocol", version 3.0.</remarks>
public sealed class StatementProxy(IPEndPoint server) : TcpProxy(server)
{
    private readonly List<Trap> _traps = [];

    /// <summary>How much later each transaction reaches the server, from now on.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>The next transaction with this in one of its statements meets it; completes when it does.</summary>
    public Task NextAsync(string statement, TrapKind kind)
    {
        var trap = new Trap(statement, kind, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        lock (_traps)
            _traps.Add(trap);
        return trap.Sprung.Task;
    }

    private protected override Task[] Carry(Socket near, Socket far)
    {
        var link = new Link(near, far);
        return [AskAsync(link), AnswerAsync(link)];
    }

    private Trap? Take(IEnumerable<string> statements)
    {
        lock (_traps)
        {
            var found = _traps.FirstOrDefault(t => statements.Any(s => s.Contains(t.Statement, StringComparison.Ordinal)));
            if (found is not null)
                _traps.Remove(found);
            return found;
        }
    }

    /// <summary>From the program to the server, message by message; a transaction ends with its Sync.</summary>
    private async Task AskAsync(Link link)
    {
        var prepared = new Dictionary<string, string>(StringComparer.Ordinal);
        var statements = new List<string>();
        var waiting = new List<byte>();
        var chunk = new byte[64 * 1024];
        var isGreeting = true;
        for (int read; (read = await link.Near.ReceiveAsync(chunk, End)) > 0;)
        {
            waiting.AddRange(chunk.AsSpan(0, read));
            var buffer = waiting.ToArray();
            var sent = 0;
            var at = 0;
            while (Length(buffer.AsSpan(at), isGreeting) is { } length && at + length <= buffer.Length)
            {
                var message = buffer.AsMemory(at, length);
                var type = isGreeting ? (byte)0 : message.Span[0];
                // The password follows the greeting and has a type as all others.
                isGreeting = false;
                Note(type, message.Span, prepared, statements);
                if (type is (byte)'S' or (byte)'Q')
                {
                    await SendAsync(link.Far, buffer.AsMemory(sent, at - sent));
                    sent = at;
                    var trap = Take(statements);
                    if (trap?.Kind == TrapKind.CutAtCommit)
                        await SendAsync(link.Far, message);
                    if (!await MayEndAsync(link, trap))
                        return;
                    statements.Clear();
                }

                at += length;
            }

            await SendAsync(link.Far, buffer.AsMemory(sent, at - sent));
            waiting.RemoveRange(0, at);
        }
    }

    /// <summary>False: the connection is to be cut now.</summary>
    private async Task<bool> MayEndAsync(Link link, Trap? trap)
    {
        if (Delay > TimeSpan.Zero)
            await Task.Delay(Delay, End);
        switch (trap?.Kind)
        {
            case TrapKind.CutBeforeCommit or TrapKind.CutAtCommit:
                trap.Sprung.SetResult();
                return false;
            case TrapKind.HoldBeforeCommit:
                trap.Sprung.SetResult();
                // It waits for an answer and says nothing more, until it is killed: then its side of the connection ends.
                await link.Near.ReceiveAsync(new byte[1], End);
                return false;
            default:
                var number = Interlocked.Increment(ref link.Asked);
                if (trap is not null)
                    link.AtAnswer = new Answer(number, trap);
                return true;
        }
    }

    /// <summary>From the server to the program. With a trap set, its answer is kept back from here on.</summary>
    private async Task AnswerAsync(Link link)
    {
        var chunk = new byte[64 * 1024];
        var answers = new AnswerCount();
        for (int read; (read = await link.Far.ReceiveAsync(chunk, End)) > 0;)
        {
            var answered = answers.Add(chunk.AsSpan(0, read));
            if (link.AtAnswer is not { } kept)
            {
                await SendAsync(link.Near, chunk.AsMemory(0, read));
                continue;
            }

            if (answered < kept.Number)
                continue;
            kept.Trap.Sprung.SetResult();
            if (kept.Trap.Kind == TrapKind.HoldAfterCommit)
                await Task.Delay(Timeout.Infinite, End);
            return;
        }
    }

    private static int? Length(ReadOnlySpan<byte> rest, bool isGreeting)
    {
        var head = isGreeting ? 0 : 1;
        return rest.Length < head + 4 ? null : head + BinaryPrimitives.ReadInt32BigEndian(rest[head..]);
    }

    /// <summary>Learns the texts of prepared statements, and which of them a transaction runs.</summary>
    private static void Note(byte type, ReadOnlySpan<byte> message, Dictionary<string, string> prepared, List<string> statements)
    {
        var rest = message.Length > 5 ? message[5..] : default;
        switch (type)
        {
            case (byte)'P':
                prepared[Text(ref rest)] = Text(ref rest);
                break;
            case (byte)'B':
                Text(ref rest);
                statements.Add(prepared.GetValueOrDefault(Text(ref rest), ""));
                break;
            case (byte)'Q':
                statements.Add(Text(ref rest));
                break;
        }
    }

    private static string Text(ref ReadOnlySpan<byte> rest)
    {
        var end = rest.IndexOf((byte)0);
        var text = Encoding.UTF8.GetString(rest[..end]);
        rest = rest[(end + 1)..];
        return text;
    }

    private sealed record Trap(string Statement, TrapKind Kind, TaskCompletionSource Sprung);

    /// <summary>The trap of the n-th transaction of a connection, the greeting counted.</summary>
    private sealed record Answer(int Number, Trap Trap);

    private sealed class Link(Socket near, Socket far)
    {
        public Socket Near { get; } = near;

        public Socket Far { get; } = far;

        /// <summary>Transactions that the server was asked for; the greeting is the first.</summary>
        public int Asked = 1;

        public volatile Answer? AtAnswer;
    }

    /// <summary>Counts the server's words that it is ready for the next transaction: the one before is committed.</summary>
    private sealed class AnswerCount
    {
        private readonly byte[] _head = new byte[5];
        private int _filled, _skip, _ready;

        public int Add(ReadOnlySpan<byte> bytes)
        {
            while (bytes.Length > 0)
            {
                if (_skip > 0)
                {
                    var skipped = Math.Min(_skip, bytes.Length);
                    _skip -= skipped;
                    bytes = bytes[skipped..];
                    continue;
                }

                _head[_filled++] = bytes[0];
                bytes = bytes[1..];
                if (_filled < _head.Length)
                    continue;
                (_filled, _skip) = (0, BinaryPrimitives.ReadInt32BigEndian(_head.AsSpan(1)) - 4);
                _ready += _head[0] == (byte)'Z' ? 1 : 0;
            }

            return _ready;
        }
    }
}
