using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Calls.Sandbox.Twilio;

/// <summary>Computes the header <c>X-Twilio-Signature</c> (twilio.com/docs/usage/security#validating-requests).</summary>
public static class Signer
{
    /// <summary>
    /// Signs the URL as it is sent and the parameters of the body. A GET request has none, because its parameters are in the URL.
    /// </summary>
    /// <remarks>The names are sorted by byte. If a name occurs several times, its distinct values are signed in sorted order.</remarks>
    [SuppressMessage("Security", "CA5350", Justification = "Twilio's algorithm.")]
    public static string Sign(string authToken, string url, IEnumerable<KeyValuePair<string, string>> form)
    {
        var text = new StringBuilder(url);
        var sorted = form.Distinct().OrderBy(pair => pair.Key, StringComparer.Ordinal).ThenBy(pair => pair.Value, StringComparer.Ordinal);
        foreach (var (name, value) in sorted)
        {
            text.Append(name).Append(value);
        }
        return Convert.ToBase64String(HMACSHA1.HashData(Encoding.UTF8.GetBytes(authToken), Encoding.UTF8.GetBytes(text.ToString())));
    }

    /// <summary>The URL that Twilio signs for a voice request: without credentials, and for HTTPS without the port.</summary>
    public static string UrlAsSigned(string url)
    {
        var start = url.IndexOf("://", StringComparison.Ordinal) + 3;
        var end = url.IndexOfAny(['/', '?'], start) is var found and >= 0 ? found : url.Length;
        var authority = url[start..end];
        authority = authority[(authority.LastIndexOf('@') + 1)..];
        var isHttps = url.StartsWith("https:", StringComparison.OrdinalIgnoreCase);
        if (isHttps && authority.LastIndexOf(':') is var port and > 0 && !authority.EndsWith(']'))
        {
            authority = authority[..port];
        }
        return url[..start] + authority + url[end..];
    }

    /// <inheritdoc cref="Sign(string, string, IEnumerable{KeyValuePair{string, string}})"/>
    public static string Sign(string authToken, Uri url, IEnumerable<KeyValuePair<string, string>> form) =>
        Sign(authToken, url.AbsoluteUri, form);
}
