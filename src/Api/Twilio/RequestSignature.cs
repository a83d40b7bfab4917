using Twilio.Security;

namespace Calls.Api.Twilio;

/// <summary>Checks <c>X-Twilio-Signature</c> with Twilio's own validator (twilio.com/docs/usage/security). Thread-safe.</summary>
/// <param name="tokens">The account's auth tokens: the current one and, during a rotation, the other one.</param>
/// <param name="sharedKeys">Twilio's shared keys by their id. A request that names another key is refused.</param>
internal sealed class RequestSignature(IEnumerable<string> tokens, IEnumerable<KeyValuePair<string, string>> sharedKeys)
{
    private readonly RequestValidator[] tokens = [.. tokens.Select(token => new RequestValidator(token))];
    private readonly Dictionary<string, RequestValidator> sharedKeys =
        sharedKeys.ToDictionary(key => key.Key, key => new RequestValidator(key.Value), StringComparer.Ordinal);

    /// <summary>Decides whether Twilio signed a request with the shared key that <paramref name="settings"/> names, otherwise with an auth
    /// token.</summary>
    /// <param name="urls">The spellings of the URL that Twilio may have signed. The first one that matches counts.</param>
    /// <param name="form">The fields of the body.</param>
    /// <param name="signature">The header <c>X-Twilio-Signature</c>.</param>
    /// <param name="settings">The header that names a shared key; null if the request has none.</param>
    /// <returns>Null if Twilio signed the request; else the cause of the refusal, as in the metric <c>calls.webhooks.refused</c>.</returns>
    public string? RefusalOf(IEnumerable<string> urls, WebhookForm form, string? signature, string? settings)
    {
        if (string.IsNullOrEmpty(signature))
            return "no signature";
        if (settings is null)
            return IsSigned(tokens, urls, form, signature, RequestValidator.HmacSha1) ? null : "wrong signature";
        if (!sharedKeys.TryGetValue(KeyOf(settings), out var sharedKey))
            return "shared key not configured";
        if (RequestValidator.GetSignatureAlgorithm(settings) != RequestValidator.HmacSha256)
            return "shared key algorithm";
        return IsSigned([sharedKey], urls, form, signature, RequestValidator.HmacSha256) ? null : "wrong signature";
    }

    /// <remarks>The validator tries the URL with and without its port. Twilio signs a <c>'</c> of the query as <c>%27</c>.</remarks>
    private static bool IsSigned(
        RequestValidator[] validators, IEnumerable<string> urls, WebhookForm form, string signature, string algorithm)
    {
        var fields = Merge(form.Fields);
        return urls.Any(url => IsSignedAs(url) || (HasQuote(url) && IsSignedAs(url.Replace("'", "%27", StringComparison.Ordinal))));

        bool IsSignedAs(string spelling) => validators.Any(validator => validator.Validate(spelling, fields, signature, algorithm));
    }

    private static bool HasQuote(string url) =>
        url.IndexOf('?', StringComparison.Ordinal) is >= 0 and var query && url.IndexOf('\'', query) >= 0;

    /// <summary>The validator joins names and values. A name that came more than once counts once for each different value.</summary>
    private static Dictionary<string, string> Merge(IReadOnlyList<KeyValuePair<string, string>> fields)
    {
        var merged = new Dictionary<string, string>(fields.Count, StringComparer.Ordinal);
        if (fields.All(field => merged.TryAdd(field.Key, field.Value)))
            return merged;
        return fields.GroupBy(field => field.Key, field => field.Value, StringComparer.Ordinal).ToDictionary(
            field => field.Key,
            field => string.Join(field.Key, field.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)),
            StringComparer.Ordinal);
    }

    /// <summary>The key id in <c>key=…,algorithm=HMAC_SHA256</c>; empty if the header names no key.</summary>
    private static string KeyOf(string settings) => settings.Split(',', StringSplitOptions.TrimEntries)
        .FirstOrDefault(setting => setting.StartsWith("key=", StringComparison.Ordinal))?["key=".Length..] ?? "";
}
