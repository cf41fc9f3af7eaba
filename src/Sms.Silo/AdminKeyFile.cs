using Sms.Api;

namespace Sms.Silo;

/// <summary>The admin key of an embedded installation: made once, kept in the data folder, readable by its owner alone.</summary>
internal static class AdminKeyFile
{
    public static async Task<string> ReadOrMakeAsync(string dataDirectory)
    {
        Directory.CreateDirectory(dataDirectory);
        var path = Path.Combine(dataDirectory, "admin-key");
        if (!File.Exists(path))
        {
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            // Written aside and moved: a start that was cut short leaves no half a key.
            var draft = $"{path}.{Guid.NewGuid():N}";
            await using (var stream = new FileStream(draft, options))
            await using (var writer = new StreamWriter(stream))
                await writer.WriteAsync("sms_admin_" + KeyText());
            File.Move(draft, path, overwrite: false);
        }

        var key = (await File.ReadAllTextAsync(path)).Trim();
        return key.Length >= ApiOptions.LeastKeyLength
            ? key
            : throw new SettingException($"SMS_DATA_DIR: {path} does not hold a key; delete it to have a new one made.");
    }

    private static string KeyText() => Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(24));
}
