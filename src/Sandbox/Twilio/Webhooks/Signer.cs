using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Calls.Sandbox.Twilio;

/// <summary><c>X-Twilio-Signature</c> (twilio.com/docs/usage/security#validating-requests).</summary>
public static class Signer
{
    /// <summary>Signs a request: the URL as sent, and the body's parameters; pass none for GET, whose parameters are in the URL.</summary>
    /// <remarks>Names are sorted by byte; a name that occurs more than once contributes its distinct values, sorted.</remarks>
    [SuppressMessage("Security", "CA5350", Justification = "Twilio's algorithm.")]
    public static string Sign(string authToken, string url, IEnumerable<KeyValuePair<string, string>> form)
    {
        var text = new StringBuilder(url);
        foreach (var (name, value) in form.Distinct().OrderBy(pair => pair.Key, StringComparer.Ordinal).ThenBy(pair => pair.Value, StringComparer.Ordinal))
        {
            text.Append(name).Append(value);
        }
        return Convert.ToBase64String(HMACSHA1.HashData(Encoding.UTF8.GetBytes(authToken), Encoding.UTF8.GetBytes(text.ToString())));
    }

    /// <summary>The URL as Twilio signs a voice request to it: without credentials, and over HTTPS without the port.</summary>
    public static string UrlAsSigned(string url)
    {
        var start = url.IndexOf("://", StringComparison.Ordinal) + 3;
        var end = url.IndexOfAny(['/', '?'], start) is var found and >= 0 ? found : url.Length;
        var authority = url[start..end];
        authority = authority[(authority.LastIndexOf('@') + 1)..];
        if (url.StartsWith("https:", StringComparison.OrdinalIgnoreCase) && authority.LastIndexOf(':') is var port and > 0 && !authority.EndsWith(']'))
        {
            authority = authority[..port];
        }
        return url[..start] + authority + url[end..];
    }

    /// <inheritdoc cref="Sign(string, string, IEnumerable{KeyValuePair{string, string}})"/>
    public static string Sign(string authToken, Uri url, IEnumerable<KeyValuePair<string, string>> form) => Sign(authToken, url.AbsoluteUri, form);
}
