using Npgsql;
using Sms.Ports;

namespace Sms.Silo.Postgres;

/// <summary>Repeats what lost against a simultaneous transaction: nothing of it was written.</summary>
internal static class Replay
{
    private const int MostTries = 5;

    public static async Task<T> OnConflictAsync<T>(Func<Task<T>> run)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await run();
            }
            catch (StoreUnavailableException e) when (attempt < MostTries && IsConflict(e.Cause))
            {
                await Task.Yield();
            }
        }
    }

    /// <summary>Whether one row may be to blame: its neighbours in a group go by themselves.</summary>
    public static bool ConcernsOne(Exception? e) =>
        IsConflict(e) || e is PostgresException { SqlState: PostgresErrorCodes.LockNotAvailable };

    /// <summary>Whether it lost against a simultaneous transaction: a deadlock or a serialisation failure.</summary>
    public static bool IsConflict(Exception? e) =>
        e is PostgresException { SqlState: PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected };
}
