using Twilio.Jwt.AccessToken;

namespace Calls.Infrastructure.Twilio;

/// <summary>Makes access tokens, with which an app registers at Twilio and places calls (twilio.com/docs/iam/access-tokens).</summary>
/// <remarks>The API key's secret signs a token. A token gives its bearer an identity, so the caller must check who asks.</remarks>
public sealed class AccessTokens(IOptionsMonitor<TwilioOptions> options, TimeProvider clock)
{
    /// <summary>A phone whose clock is behind by up to this much can use a token at once.</summary>
    private static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(1);

    /// <summary>The configuration keys that are missing for a token for an app on this platform; empty if all are set.</summary>
    public IReadOnlyList<string> MissingKeys(Platform platform)
    {
        var (client, voice) = (options.CurrentValue.Client, options.CurrentValue.Voice);
        (string Key, string Value)[] needed =
        [
            ("Twilio:Client:ApiKeySid", client.ApiKeySid), ("Twilio:Client:ApiKeySecret", client.ApiKeySecret),
            ("Twilio:Voice:ApplicationSid", voice.ApplicationSid),
            .. PushCredential(platform) is { } credential ? [credential] : Array.Empty<(string, string)>(),
        ];
        return [.. needed.Where(setting => setting.Value.Length == 0).Select(setting => setting.Key)];
    }

    /// <summary>Makes a token with which its bearer is rung as <paramref name="identity"/> and may call the TwiML App. With the push
    /// credential of the platform, Twilio can wake the app.</summary>
    public AccessToken For(ClientIdentity identity, Platform platform)
    {
        var (client, voice) = (options.CurrentValue.Client, options.CurrentValue.Voice);
        // Whole seconds, because the library rounds the times of a token, and the answer names the same times.
        var now = DateTimeOffset.FromUnixTimeSeconds(clock.GetUtcNow().ToUnixTimeSeconds());
        var expires = DateTimeOffset.FromUnixTimeSeconds((now + voice.TokenTtl).ToUnixTimeSeconds());
        var grant = new VoiceGrant
        {
            IncomingAllow = true,
            OutgoingApplicationSid = voice.ApplicationSid,
            PushCredentialSid = PushCredential(platform)?.Sid,
        };
        var token = new Token(
            client.AccountSid, client.ApiKeySid, client.ApiKeySecret, identity.Value, expires.UtcDateTime, (now - ClockSkew).UtcDateTime,
            [grant], client.Region.Length > 0 ? client.Region : null);
        return new AccessToken(token.ToJwt(), identity, expires);
    }

    private (string Key, string Sid)? PushCredential(Platform platform) => (platform, options.CurrentValue.Voice.PushCredentialSids) switch
    {
        (Platform.Ios, var sids) => ("Twilio:Voice:PushCredentialSids:ios", sids.Ios),
        (Platform.Android, var sids) => ("Twilio:Voice:PushCredentialSids:android", sids.Android),
        _ => null,
    };
}

/// <summary>The platform of an app.</summary>
public enum Platform
{
    /// <summary>A browser, or not named. Twilio rings it only while it is connected.</summary>
    Any,
    Ios,
    Android,
}

/// <summary>An access token and the time at which it expires.</summary>
public sealed record AccessToken(string Jwt, ClientIdentity Identity, DateTimeOffset ExpiresAt);
