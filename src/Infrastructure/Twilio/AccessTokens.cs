using Twilio.Jwt.AccessToken;

namespace Calls.Infrastructure.Twilio;

/// <summary>Makes access tokens, with which an app registers at Twilio and places calls (twilio.com/docs/iam/access-tokens).</summary>
/// <remarks>The API key's secret signs a token. A token gives its bearer an identity, so the caller must check who asks.</remarks>
public sealed class AccessTokens(IOptionsMonitor<TwilioOptions> options, TimeProvider clock)
{
    /// <summary>A phone whose clock is behind by up to this much can use a token at once.</summary>
    private static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(1);

    /// <summary>The configuration keys that are missing for a token; empty if all are set.</summary>
    public IReadOnlyList<string> MissingKeys
    {
        get
        {
            var (client, voice) = (options.CurrentValue.Client, options.CurrentValue.Voice);
            (string Key, string Value)[] needed =
            [
                ("Twilio:Client:ApiKeySid", client.ApiKeySid), ("Twilio:Client:ApiKeySecret", client.ApiKeySecret),
                ("Twilio:Voice:ApplicationSid", voice.ApplicationSid),
            ];
            return [.. needed.Where(setting => setting.Value.Length == 0).Select(setting => setting.Key)];
        }
    }

    /// <summary>Makes a token with which its bearer is rung as <paramref name="identity"/> and may call the TwiML App.</summary>
    public AccessToken For(ClientIdentity identity)
    {
        var (client, voice) = (options.CurrentValue.Client, options.CurrentValue.Voice);
        // Whole seconds, because the library rounds the times of a token, and the answer names the same times.
        var now = DateTimeOffset.FromUnixTimeSeconds(clock.GetUtcNow().ToUnixTimeSeconds());
        var expires = DateTimeOffset.FromUnixTimeSeconds((now + voice.TokenTtl).ToUnixTimeSeconds());
        var token = new Token(
            client.AccountSid, client.ApiKeySid, client.ApiKeySecret, identity.Value, expires.UtcDateTime, (now - ClockSkew).UtcDateTime,
            [new VoiceGrant { IncomingAllow = true, OutgoingApplicationSid = voice.ApplicationSid }],
            client.Region.Length > 0 ? client.Region : null);
        return new AccessToken(token.ToJwt(), identity, expires);
    }
}

/// <summary>An access token and the time at which it expires.</summary>
public sealed record AccessToken(string Jwt, ClientIdentity Identity, DateTimeOffset ExpiresAt);
