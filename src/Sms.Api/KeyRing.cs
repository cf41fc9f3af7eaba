using System.Collections.Concurrent;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using Sms.Contracts;

namespace Sms.Api;

/// <summary>Whose key came with the request.</summary>
/// <param name="business">The key's business; null: the admin key.</param>
/// <param name="actor">The key's id, or admin: who it was, for what is kept as evidence.</param>
internal sealed class Caller(Guid? business, string actor) : ClaimsPrincipal(new ClaimsIdentity(authenticationType: "key"))
{
    public static Caller Admin { get; } = new(business: null, "admin");

    public Guid? Business => business;

    public string Actor => actor;

    public bool IsAdmin => business is null;

    /// <summary>Of a request to a route that asks for a key.</summary>
    public static Caller Of(HttpContext http) => (Caller)http.User;
}

/// <summary>Finds out whose key it is. What it finds is kept for a second at most, so that a revoked key stops working.</summary>
internal sealed class KeyRing(IGrainFactory grains, ApiOptions options, TimeProvider time) : IDisposable
{
    private const int MostCached = 10_000;

    /// <summary>Keys that nobody here knows are looked up so many at once; the others wait, and at most so long.</summary>
    private const int MostStrangers = 64;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Kept = TimeSpan.FromSeconds(0.8);

    /// <summary>Keys that had an owner when they were looked up last, by their hash: neither guessed ones nor their number are in their way.</summary>
    private readonly ConcurrentDictionary<string, LookUp> _known = new(StringComparer.Ordinal);

    /// <summary>Keys that are nobody's, and until when that counts.</summary>
    private readonly ConcurrentDictionary<string, long> _unknown = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _strangers = new(MostStrangers);
    private readonly byte[] _adminHash = Hash(options.AdminKey);

    /// <summary>Null: nobody's.</summary>
    /// <exception cref="ProblemException">Too many unknown keys are being looked up.</exception>
    public async Task<Caller?> FindAsync(string key, CancellationToken cancellationToken)
    {
        var hash = Hash(key);
        if (CryptographicOperations.FixedTimeEquals(hash, _adminHash))
            return Caller.Admin;

        var name = Convert.ToHexString(hash);
        if (!_known.TryGetValue(name, out var lookUp))
            return await MeetAsync(name, hash, cancellationToken);
        if (!lookUp.Counts(time.GetTimestamp()))
        {
            // Of those who find it outdated together one looks, for all.
            var next = new LookUp(() => LookAsync(hash), Until());
            lookUp = _known.TryUpdate(name, next, lookUp) ? next : _known.GetValueOrDefault(name, next);
        }

        var caller = await lookUp.Caller;
        if (caller is null)
            _known.TryRemove(KeyValuePair.Create(name, lookUp));
        return caller;
    }

    /// <summary>A key that is seen for the first time, or is nobody's.</summary>
    private async Task<Caller?> MeetAsync(string name, byte[] hash, CancellationToken cancellationToken)
    {
        if (_unknown.TryGetValue(name, out var until) && time.GetTimestamp() < until)
            return null;
        if (!await _strangers.WaitAsync(Patience, cancellationToken))
            throw new ProblemException(Admission.TurnAway("unknown_key", isCallers: false));
        try
        {
            until = Until();
            var caller = await LookAsync(hash);
            if (caller is null)
                Keep(_unknown, name, until);
            else
                Keep(_known, name, new LookUp(() => Task.FromResult<Caller?>(caller), until));
            return caller;
        }
        finally
        {
            _strangers.Release();
        }
    }

    public void Dispose() => _strangers.Dispose();

    private async Task<Caller?> LookAsync(byte[] hash) =>
        await grains.Reader().FindKeyAsync(hash) is { } owner ? new Caller(owner.BusinessId, $"key {owner.KeyId}") : null;

    private long Until() => time.GetTimestamp() + (long)(Kept.TotalSeconds * time.TimestampFrequency);

    private static void Keep<T>(ConcurrentDictionary<string, T> cache, string name, T value)
    {
        if (cache.Count >= MostCached)
            cache.Clear();
        cache[name] = value;
    }

    public static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    /// <summary>A new business key: 256 random bits.</summary>
    public static string New() => "sms_" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));

    /// <summary>Whose a key was, asked once for all who come until then.</summary>
    private sealed class LookUp(Func<Task<Caller?>> look, long until)
    {
        private readonly Lazy<Task<Caller?>> _caller = new(look);

        public Task<Caller?> Caller => _caller.Value;

        /// <summary>Whether it may be used at this time; one that failed is made again.</summary>
        public bool Counts(long now) => now < until && !(_caller.IsValueCreated && _caller.Value.IsFaulted);
    }
}
