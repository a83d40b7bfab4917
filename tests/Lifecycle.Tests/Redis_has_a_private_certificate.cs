using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Calls.Chaos.Tests.Harness;

namespace Calls.Lifecycle.Tests;

/// <summary>The certificate of Redis comes from a private authority, as the chart's README ("A private CA for Redis") has it.</summary>
public sealed class Redis_has_a_private_certificate : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("calls-redis-ca-");

    [Fact]
    public async Task The_service_trusts_the_authority_in_a_directory_that_it_is_told_and_no_other()
    {
        RedisServer.MustBeInstalled();
        MakeCertificates();
        var port = Ports.Free();
        using var redis = await OwnProcess.StartAsync("redis-server",
            ["--port", "0", "--tls-port", Ports.Text(port), "--bind", "127.0.0.1", "--dir", folder.FullName, "--save", "",
                "--tls-auth-clients", "no", "--tls-cert-file", At("redis.crt"), "--tls-key-file", At("redis.key"),
                "--tls-ca-cert-file", At("trusted/ca.crt")],
            "Ready to accept connections");
        using var trusting = Replica(port, ("SSL_CERT_DIR", "/etc/ssl/certs:" + At("trusted")));
        await trusting.StartAsync();
        await Eventually.TrueAsync(
            async () => await trusting.HealthAsync("dependencies") == HttpStatusCode.OK, "Redis answers through TLS", Patience);

        using var other = Replica(port, ("SSL_CERT_DIR", "/etc/ssl/certs"));
        await other.StartAsync();
        (await other.HealthAsync("dependencies")).ShouldBe(
            HttpStatusCode.ServiceUnavailable, "the certificate is not of an authority that it trusts");
    }

    public void Dispose() => folder.Delete(recursive: true);

    private static Replica Replica(int port, (string Key, string Value) variable) => new(
        new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["PublicBaseUrl"] = "https://calls.example.org",
            ["ConnectionStrings:Redis"] = $"localhost:{Ports.Text(port)},ssl=true",
            ["Twilio:Client:AccountSid"] = "AC00000000000000000000000000000001",
            ["Twilio:AuthToken"] = "token",
            ["Twilio:Voice:CallerId"] = "+15550100000",
            [variable.Key] = variable.Value,
        });

    private void MakeCertificates()
    {
        var now = TimeProvider.System.GetUtcNow();
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authority = new CertificateRequest("CN=A private authority", authorityKey, HashAlgorithmName.SHA256);
        authority.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        authority.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        using var ca = authority.CreateSelfSigned(now.AddHours(-1), now.AddDays(1));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(ca, now.AddHours(-1), now.AddHours(23), [1]);
        folder.CreateSubdirectory("trusted");
        File.WriteAllText(At("trusted/ca.crt"), ca.ExportCertificatePem());
        File.WriteAllText(At("redis.crt"), certificate.ExportCertificatePem());
        File.WriteAllText(At("redis.key"), key.ExportPkcs8PrivateKeyPem());
    }

    private string At(string name) => Path.Combine(folder.FullName, name);
}
