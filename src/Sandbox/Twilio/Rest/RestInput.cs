using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Calls.Sandbox.Twilio;

/// <summary>Reads and checks the parameters of REST requests, with Twilio's error codes.</summary>
internal static partial class RestInput
{
    private static readonly string[] CallEvents = ["initiated", "ringing", "answered", "completed"];

    /// <summary>From and To of a create. Twilio checks them before it queues the call.</summary>
    public static (string From, string To) Parties(this Parameters form, TwilioEmulatorOptions options)
    {
        var to = form["To"] is { Length: > 0 } givenTo
            ? givenTo
            : throw RestRefusal.BadRequest(21201, "No 'To' number is specified");
        var from = form["From"] is { Length: > 0 } givenFrom
            ? givenFrom
            : throw RestRefusal.BadRequest(21213, "A 'From' phone number is required");
        var bare = to.Split('?')[0];
        if (options.RefusedNumbers.TryGetValue(bare, out var code))
        {
            throw RestRefusal.BadRequest(code, $"The number {to} cannot be called");
        }
        if (!E164().IsMatch(to) && !Client().IsMatch(bare) && !bare.StartsWith("sip:", StringComparison.Ordinal))
        {
            throw RestRefusal.BadRequest(21211, $"The phone number you are attempting to call, {to}, is not valid");
        }
        if (to.Length > bare.Length && Parameters.Parse(to[bare.Length..]).Any(IsTooLong))
        {
            throw RestRefusal.BadRequest(20001, $"A parameter of {to} is too long");
        }
        if (from == bare)
        {
            throw RestRefusal.BadRequest(21211, "'To' and 'From' are the same number");
        }
        var fromClient = Client().IsMatch(from);
        if (!E164().IsMatch(from) && !(fromClient && !to.StartsWith('+')))
        {
            throw RestRefusal.BadRequest(
                21212, $"The 'From' number {from} is not a valid phone number, shortcode, or alphanumeric sender ID");
        }
        // Only a telephone must be called from a number of the account.
        if (!fromClient && E164().IsMatch(to) && options.OwnedNumbers.Count > 0 && !options.OwnedNumbers.Contains(from))
        {
            throw RestRefusal.BadRequest(21210, $"The source phone number provided, {from}, is not yet verified for your account");
        }
        return (from, to);
    }

    /// <summary>Twilio limits the parameters that an app gets: names to 32 bytes, values to 128.</summary>
    private static bool IsTooLong(KeyValuePair<string, string> parameter) =>
        Encoding.UTF8.GetByteCount(parameter.Key) > 32 || Encoding.UTF8.GetByteCount(parameter.Value) > 128;

    /// <summary>A URL parameter with its method; null if the parameter is absent.</summary>
    public static CallbackTarget? Target(
        this Parameters form, string name, string? methodName = null, string method = "POST", int error = 21205)
    {
        if (form[name] is not { Length: > 0 } url)
        {
            return null;
        }
        if (!Uri.TryCreate(url, UriKind.Absolute, out var parsed) || parsed.Scheme is not ("http" or "https"))
        {
            throw RestRefusal.BadRequest(error, $"{name} {url} is not a valid URL");
        }
        return new(url, Method(form[methodName ?? name + "Method"] ?? method));
    }

    /// <summary>The StatusCallback of a call. Twilio reads an unknown event as <c>completed</c>.</summary>
    public static CallbackTarget? StatusCallback(this Parameters form)
    {
        var events = form.List("StatusCallbackEvent").Select(given => CallEvents.Contains(given) ? given : "completed").Distinct().ToList();
        return form.Target("StatusCallback", error: 21609) is { } target
            ? target with { Events = events.Count == 0 ? ["completed"] : events }
            : null;
    }

    public static bool? Bool(this Parameters form, string name) => form[name] switch
    {
        null or "" => null,
        var text when text.Equals("true", StringComparison.OrdinalIgnoreCase) => true,
        var text when text.Equals("false", StringComparison.OrdinalIgnoreCase) => false,
        var text => throw RestRefusal.BadRequest(20001, $"{name} {text} is not true or false"),
    };

    public static TimeSpan? Seconds(this Parameters form, string name, int least, int most, int error)
    {
        if (form[name] is not { Length: > 0 } text)
        {
            return null;
        }
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds >= least && seconds <= most
            ? TimeSpan.FromSeconds(seconds)
            : throw RestRefusal.BadRequest(error, $"{name} {text} is not between {least} and {most} seconds");
    }

    /// <summary>
    /// A page of a list with its paging fields (twilio.com/docs/usage/twilios-response#response-formats-list-paging-information).
    /// </summary>
    /// <remarks>
    /// The URI of the next page names the last item of this page, and the URI of the previous page names the first item:
    /// <c>PageToken</c> is <c>PA</c> or <c>PB</c> and the SID of the item. A new item therefore moves no other item to another page.
    /// </remarks>
    public static JsonObject Page<T>(this RestRoute route, string name, IEnumerable<T> all, Func<T, string> sid, Func<T, JsonObject> body)
    {
        var size = Math.Clamp(Number("PageSize", 50), 1, 1000);
        var page = Number("Page", 0);
        var items = all.ToList();
        var first = First();
        var shown = items.Skip(first).Take(size).ToList();
        return new()
        {
            [name] = new JsonArray([.. shown.Select(body)]),
            ["page"] = page,
            ["page_size"] = size,
            ["start"] = page * size,
            ["end"] = (page * size) + Math.Max(0, shown.Count - 1),
            ["uri"] = At(page, route.Query["PageToken"]),
            ["first_page_uri"] = At(0, null),
            ["next_page_uri"] = items.Count > first + size ? At(page + 1, "PA" + sid(shown[^1])) : null,
            ["previous_page_uri"] = page > 0 ? At(page - 1, shown.Count > 0 ? "PB" + sid(shown[0]) : null) : null,
        };

        int First()
        {
            var token = route.Query["PageToken"] ?? "";
            var named = token.Length < 2 ? -1 : items.FindIndex(item => sid(item) == token[2..]);
            return named < 0 ? page * size : token[..2] == "PA" ? named + 1 : Math.Max(0, named - size);
        }

        int Number(string key, int otherwise) =>
            route.Query[key] is not { Length: > 0 } text ? otherwise
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : throw RestRefusal.BadRequest(20001, $"{key} {text} is not a number");

        string At(int other, string? token)
        {
            var query = new Parameters();
            query.AddRange(route.Query.Where(pair => pair.Key is not ("Page" or "PageSize" or "PageToken")));
            query.Add("PageSize", size.ToString(CultureInfo.InvariantCulture));
            query.Add("Page", other.ToString(CultureInfo.InvariantCulture));
            query.Add("PageToken", token);
            return $"{route.Path}?{query.ToForm()}";
        }
    }

    /// <summary>Whether a time passes the filters <c>Name=</c> (a day in UTC), <c>Name&lt;=</c> and <c>Name&gt;=</c>.</summary>
    public static bool Passes(this RestRoute route, string name, DateTimeOffset? at)
    {
        return (Date(name) is not { } day || (at >= day && at < day.AddDays(1)))
            && (Date(name + "<") is not { } before || at <= before)
            && (Date(name + ">") is not { } after || at >= after);

        DateTimeOffset? Date(string key) =>
            route.Query[key] is not { Length: > 0 } text ? null
            : DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var date) ? date
            : throw RestRefusal.BadRequest(20001, $"{key} {text} is not a date");
    }

    public static bool Passes(this RestRoute route, string name, bool value) =>
        route.Query.Bool(name) is not { } wanted || wanted == value;

    public static bool Passes(this RestRoute route, string name, string value) =>
        route.Query[name] is not { Length: > 0 } wanted || wanted == value;

    private static string Method(string method) => method.ToUpperInvariant() switch
    {
        "GET" => "GET",
        "POST" => "POST",
        _ => throw RestRefusal.BadRequest(21209, $"Invalid HTTP method {method}"),
    };

    [GeneratedRegex(@"^\+[1-9]\d{5,14}$", RegexOptions.NonBacktracking)]
    private static partial Regex E164();

    [GeneratedRegex(@"^client:[^\s/?#]{1,256}$", RegexOptions.NonBacktracking)]
    private static partial Regex Client();
}
