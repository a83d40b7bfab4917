namespace Calls.Api.Twilio;

/// <summary>The spellings of one URL that Twilio may have signed. They are spellings of one address: none names another host, another
/// route or another parameter.</summary>
/// <remarks>
/// Twilio signs the URL as it was written, in the console or by the service (twilio.com/docs/usage/security). A person may write the host
/// in capital letters, or the base with a slash at its end, so that the path begins with two slashes. Some proxies merge the two slashes,
/// and some write the host in small letters. Twilio's validator itself tries each spelling with and without the port.
/// </remarks>
internal static class SignedUrls
{
    /// <summary>The most likely spelling comes first. The service makes the next one only if it does not match.</summary>
    /// <param name="urls">The public origin: as the service spells it, and as it was configured.</param>
    /// <param name="host">The host of the Host header, without the port. It counts only if it is the public host in another case.</param>
    /// <param name="target">The path and the query of the request, as they were sent.</param>
    public static IEnumerable<string> Of(CallbackUrls urls, string host, string target)
    {
        yield return urls.Origin + target;
        var origins = new[] { urls.Origin, urls.OriginWith(urls.ConfiguredHost), urls.OriginWith(host) }
            .OfType<string>().Distinct(StringComparer.Ordinal).ToList();
        foreach (var origin in origins.Skip(1))
            yield return origin + target;

        var otherTarget = target.StartsWith("//", StringComparison.Ordinal) ? target[1..] : "/" + target;
        foreach (var origin in origins)
            yield return origin + otherTarget;
    }
}
