using System.Security.Cryptography;
using System.Text;

namespace Calls.Sandbox.Twilio;

/// <summary>Signs as Twilio does (twilio.com/docs/usage/security), written apart from the service's own check so that neither can hide the other's mistake.</summary>
public static class Signer
{
    /// <param name="authToken">The account's primary token.</param>
    /// <param name="url">As it is requested, query included, without fragment and user info.</param>
    /// <param name="form">The decoded fields of a POST; none for GET.</param>
    public static string Sign(string authToken, Uri url, IEnumerable<KeyValuePair<string, string>> form)
    {
        // Voice drops the port of an https URL and keeps that of an http one.
        var text = url.Scheme == Uri.UriSchemeHttps && !url.IsDefaultPort
            ? url.GetComponents(UriComponents.Scheme | UriComponents.Host | UriComponents.PathAndQuery, UriFormat.UriEscaped)
            : url.GetComponents(UriComponents.Scheme | UriComponents.Host | UriComponents.Port | UriComponents.PathAndQuery, UriFormat.UriEscaped);
        var signed = new StringBuilder(text);
        foreach (var group in form.GroupBy(field => field.Key, field => field.Value, StringComparer.Ordinal).OrderBy(group => group.Key, StringComparer.Ordinal))
            foreach (var value in group.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
                signed.Append(group.Key).Append(value);
#pragma warning disable CA5350 // Twilio's algorithm.
        return Convert.ToBase64String(HMACSHA1.HashData(Encoding.UTF8.GetBytes(authToken), Encoding.UTF8.GetBytes(signed.ToString())));
#pragma warning restore CA5350
    }
}
