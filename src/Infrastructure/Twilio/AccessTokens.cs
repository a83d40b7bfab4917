using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Calls.Domain;
using Microsoft.Extensions.Options;

namespace Calls.Infrastructure.Twilio;

/// <summary>Access tokens, with which an app registers at Twilio and places calls (twilio.com/docs/iam/access-tokens).</summary>
/// <remarks>Signed with the API key's secret. A token says whom its bearer may be, so it is made for nobody but the one who asks.</remarks>
public sealed class AccessTokens(IOptionsMonitor<TwilioOptions> options, TimeProvider clock)
{
    /// <summary>The keys without which no token can be made; empty where all are there.</summary>
    public IReadOnlyList<string> MissingKeys
    {
        get
        {
            var (client, voice) = (options.CurrentValue.Client, options.CurrentValue.Voice);
            return [.. new[]
            {
                ("Twilio:Client:ApiKeySid", client.ApiKeySid), ("Twilio:Client:ApiKeySecret", client.ApiKeySecret), ("Twilio:Voice:ApplicationSid", voice.ApplicationSid),
            }.Where(key => key.Item2.Length == 0).Select(key => key.Item1)];
        }
    }

    /// <summary>A token that lets its bearer be rung as <paramref name="identity"/>, and call the TwiML App.</summary>
    public AccessToken For(ClientIdentity identity)
    {
        var (client, voice) = (options.CurrentValue.Client, options.CurrentValue.Voice);
        var now = clock.GetUtcNow().ToUnixTimeSeconds();
        var expires = now + (long)voice.TokenTtl.TotalSeconds;
        var header = new Dictionary<string, object>(StringComparer.Ordinal) { ["typ"] = "JWT", ["alg"] = "HS256", ["cty"] = "twilio-fpa;v=1" };
        if (client.Region.Length > 0)
            header["twr"] = client.Region;
        var claims = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["jti"] = string.Create(CultureInfo.InvariantCulture, $"{client.ApiKeySid}-{now}"),
            ["iss"] = client.ApiKeySid,
            ["sub"] = client.AccountSid,
            ["iat"] = now,
            ["nbf"] = now,
            ["exp"] = expires,
            ["grants"] = new { identity = identity.Value, voice = new { incoming = new { allow = true }, outgoing = new { application_sid = voice.ApplicationSid } } },
        };
        var signed = $"{Part(JsonSerializer.SerializeToUtf8Bytes(header))}.{Part(JsonSerializer.SerializeToUtf8Bytes(claims))}";
        var signature = HMACSHA256.HashData(Encoding.UTF8.GetBytes(client.ApiKeySecret), Encoding.ASCII.GetBytes(signed));
        return new AccessToken($"{signed}.{Part(signature)}", identity, DateTimeOffset.FromUnixTimeSeconds(expires));
    }

    private static string Part(byte[] bytes) => Base64Url.EncodeToString(bytes);
}

/// <summary>A token and until when it is good.</summary>
public sealed record AccessToken(string Jwt, ClientIdentity Identity, DateTimeOffset ExpiresAt);
