using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Orleans.Connections.Security;

namespace Sms.Api;

/// <summary>
/// The certificate by which silos and front-ends know each other: whoever reaches their ports without it may do nothing,
/// and with it everything, as with the admin key.
/// </summary>
public sealed class ClusterCertificate
{
    private readonly X509Certificate2 _own;
    private readonly X509Certificate2Collection _accepted;

    private ClusterCertificate(X509Certificate2 own, X509Certificate2Collection accepted) => (_own, _accepted) = (own, accepted);

    /// <summary>
    /// Reads <c>SMS_CLUSTER_CERTIFICATE</c> and <c>SMS_CLUSTER_CERTIFICATE_KEY</c>. The first certificate of the file is this
    /// process's own; it and those that follow are accepted from others, so that a certificate can be replaced in a cluster that runs.
    /// </summary>
    /// <returns>Null: neither is set.</returns>
    /// <exception cref="SettingException">One is set alone, a file cannot be read, or the certificate has expired.</exception>
    public static ClusterCertificate? Read(SettingsReader reader, DateTimeOffset now)
    {
        const string Certificate = "SMS_CLUSTER_CERTIFICATE", Key = "SMS_CLUSTER_CERTIFICATE_KEY";
        var (path, keyPath) = (reader.Text(Certificate), reader.Text(Key));
        if (path is null && keyPath is null)
            return null;
        if (path is null || keyPath is null)
            throw SettingsReader.Wrong(path is null ? Certificate : Key, $"is required with {(path is null ? Key : Certificate)}");
        try
        {
            using var read = X509Certificate2.CreateFromPemFile(path, keyPath);
            // Some systems take no key for TLS that was not in a store or in a file of this form.
            var own = X509CertificateLoader.LoadPkcs12(read.Export(X509ContentType.Pkcs12), password: null);
            var accepted = new X509Certificate2Collection();
            accepted.ImportFromPemFile(path);
            return own.NotAfter.ToUniversalTime() > now.UtcDateTime
                ? new ClusterCertificate(own, accepted)
                : throw SettingsReader.Wrong(Certificate, $"the certificate in {path} expired at {own.NotAfter.ToUniversalTime():u}");
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw SettingsReader.Wrong(Certificate, $"{path} and {keyPath} are not a certificate and its key in PEM: {e.Message.TrimEnd('.')}");
        }
    }

    /// <summary>Encrypts, shows this certificate, and wants one that is accepted from the other side.</summary>
    public void Configure(TlsOptions options)
    {
        options.LocalCertificate = _own;
        options.RemoteCertificateMode = RemoteCertificateMode.RequireCertificate;
        options.ClientCertificateMode = RemoteCertificateMode.RequireCertificate;
        options.OnAuthenticateAsClient = (_, client) => client.TargetHost = _own.GetNameInfo(X509NameType.DnsName, forIssuer: false);
        // Not by names and issuers: the file lists whom this cluster trusts.
        options.RemoteCertificateValidation = (certificate, _, _) =>
            certificate is not null && _accepted.Any(a => CryptographicOperations.FixedTimeEquals(a.RawDataMemory.Span, certificate.RawData));
    }
}
