using System.Globalization;

namespace Calls.Sandbox.Twilio;

/// <summary>The connection overrides in a URL's fragment (twilio.com/docs/usage/webhooks/webhooks-connection-overrides).</summary>
/// <remarks>By default there is one retry, only after a failed connection. Values outside Twilio's ranges are clamped.</remarks>
internal sealed record ConnectionOverrides
{
    private static readonly string[] DefaultPolicy = ["ct"];

    public TimeSpan ConnectTimeout { get; private init; } = TimeSpan.FromSeconds(5);

    public TimeSpan ReadTimeout { get; private init; } = TimeSpan.FromSeconds(15);

    /// <summary>The time-out of all attempts together. Twilio's maximum for voice is 15 s.</summary>
    public TimeSpan TotalTimeout { get; private init; } = TimeSpan.FromSeconds(15);

    public int RetryCount { get; private init; } = 1;

    public IReadOnlyList<string> RetryPolicy { get; private init; } = DefaultPolicy;

    /// <summary>Splits a configured URL into the URL that is sent and signed, and the overrides in its fragment.</summary>
    public static (string Url, ConnectionOverrides Overrides) Read(string configured)
    {
        var at = configured.IndexOf('#', StringComparison.Ordinal);
        if (at < 0)
        {
            return (configured, new());
        }
        var keys = Parameters.Parse(configured[(at + 1)..]);
        return (configured[..at], new()
        {
            ConnectTimeout = Milliseconds(keys["ct"], 100, 10_000, 5_000),
            ReadTimeout = Milliseconds(keys["rt"], 100, 15_000, 15_000),
            TotalTimeout = Milliseconds(keys["tt"], 100, 15_000, 15_000),
            RetryCount = Number(keys["rc"], 0, 5, 1),
            RetryPolicy = keys["rp"]?.Split(',') ?? DefaultPolicy,
        });
    }

    public bool Retries(WebhookResponse response) => RetryPolicy.Any(policy => policy switch
    {
        "4xx" => response.Failure == WebhookFailure.None && response.Status is >= 400 and < 500,
        "5xx" => response.Failure == WebhookFailure.None && response.Status >= 500,
        "ct" => response.Failure == WebhookFailure.Connect,
        "rt" => response.Failure == WebhookFailure.Read,
        "all" => !response.IsSuccess,
        _ => false,
    });

    private static TimeSpan Milliseconds(string? text, int least, int most, int otherwise) =>
        TimeSpan.FromMilliseconds(Number(text, least, most, otherwise));

    private static int Number(string? text, int least, int most, int otherwise) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? Math.Clamp(number, least, most) : otherwise;
}
