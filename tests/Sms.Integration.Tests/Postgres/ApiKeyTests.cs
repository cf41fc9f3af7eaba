using System.Security.Cryptography;
using Sms.Contracts;
using Sms.Silo.Postgres;

namespace Sms.Integration.Tests.Postgres;

public sealed class ApiKeyTests : DatabaseTest
{
    [Fact]
    public async Task Keys_that_are_asked_for_together_are_told_apart()
    {
        await using var store = new BusinessStore(new Database(Db.App));
        var keys = Enumerable.Range(0, 300).Select(_ => (Hash: RandomNumberGenerator.GetBytes(32), Id: Guid.NewGuid())).ToArray();
        var business = await Seed.BusinessAsync();
        var other = await Seed.BusinessAsync();
        foreach (var (hash, id) in keys)
            await Db.ExecuteAsync(
                "insert into sms.api_keys (id, business_id, key_hash, hint, created_at, revoked_at) values ($1, $2, $3, 'hint', now(), case when $4 then now() end)",
                id, Business(hash), hash, IsRevoked(hash));

        var unknown = RandomNumberGenerator.GetBytes(32);
        var asked = keys.Select(k => k.Hash).Append(unknown).ToArray();
        var found = await Task.WhenAll(asked.Select(store.FindKeyAsync));

        Assert.Equal(
            [.. keys.Select(k => IsRevoked(k.Hash) ? null : new KeyOwner(Business(k.Hash), k.Id)), null],
            found);

        Guid Business(byte[] hash) => hash[0] % 2 == 0 ? business : other;
        static bool IsRevoked(byte[] hash) => hash[1] % 4 == 0;
    }
}
