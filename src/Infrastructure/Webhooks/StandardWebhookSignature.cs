using System.Security.Cryptography;
using System.Text;

namespace Calls.Infrastructure.Webhooks;

/// <summary>The signature of a request to a customer's system (standardwebhooks.com).</summary>
internal static class StandardWebhookSignature
{
    /// <summary>The value of <c>webhook-signature</c>: version 1, HMAC-SHA256 over id, timestamp and body.</summary>
    /// <param name="secret">The bytes of the secret, without <c>whsec_</c> and base64.</param>
    /// <param name="id">The value of <c>webhook-id</c>.</param>
    /// <param name="timestamp">The value of <c>webhook-timestamp</c>: seconds since 1970.</param>
    /// <param name="body">The body, as it is sent.</param>
    public static string Sign(byte[] secret, string id, long timestamp, byte[] body)
    {
        byte[] signed = [.. Encoding.UTF8.GetBytes($"{id}.{timestamp.ToString(CultureInfo.InvariantCulture)}."), .. body];
        return "v1," + Convert.ToBase64String(HMACSHA256.HashData(secret, signed));
    }
}
