using System.Security.Cryptography;
using System.Text;

namespace Calls.Infrastructure.Webhooks;

/// <summary>The signature of an outgoing request, as Standard Webhooks defines it (standardwebhooks.com).</summary>
internal static class StandardWebhookSignature
{
    /// <summary>The value of <c>webhook-signature</c>: <c>v1,</c> and the base64 of HMAC-SHA256 over <c>id.timestamp.body</c>.</summary>
    /// <param name="secretBytes">The secret, decoded.</param>
    /// <param name="id">The value of <c>webhook-id</c>.</param>
    /// <param name="timestamp">The value of <c>webhook-timestamp</c>, in Unix seconds.</param>
    /// <param name="bodyBytes">The body as it is sent.</param>
    public static string Sign(byte[] secretBytes, string id, long timestamp, byte[] bodyBytes)
    {
        var head = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{id}.{timestamp}."));
        return "v1," + Convert.ToBase64String(HMACSHA256.HashData(secretBytes, (byte[])[.. head, .. bodyBytes]));
    }
}
