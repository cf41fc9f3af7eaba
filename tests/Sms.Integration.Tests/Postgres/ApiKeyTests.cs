using System.Security.Cryptography;
using Sms.Contracts;
using Sms.Silo.Postgres;

namespace Sms.Integration.Tests.Postgres;

public sealed class ApiKeyTests : DatabaseTest
{
    [Fact]
    public async Task Of_keys_that_are_added_at_once_there_are_twenty_and_a_revoked_one_makes_room()
    {
        var (business, other) = (await Seed.BusinessAsync(), await Seed.BusinessAsync());
        using var database = new Database(Db.App);
        var records = new RecordStore(database);
        Task<bool> AddAsync(Guid to, Guid id) => records.AddKeyAsync(to, id, id.ToByteArray(), "hint", Now);
        var ids = Enumerable.Range(0, 40).Select(_ => Guid.NewGuid()).ToArray();

        var added = await Task.WhenAll(ids.Select(id => AddAsync(business, id)));

        Assert.Equal(20, added.Count(a => a));
        Assert.Equal(20, (await records.ListKeysAsync(business)).Length);
        Assert.True(await AddAsync(other, Guid.NewGuid()));
        // A repetition of one that was added changes nothing.
        var first = ids.Zip(added).First(a => a.Second).First;
        Assert.True(await AddAsync(business, first));
        Assert.False(await AddAsync(business, Guid.NewGuid()));
        Assert.True(await records.RemoveKeyAsync(business, first, Now));
        Assert.True(await AddAsync(business, Guid.NewGuid()));
        Assert.Equal(20, (await records.ListKeysAsync(business)).Length);
    }

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
