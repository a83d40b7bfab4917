using System.Globalization;
using System.Xml;
using System.Xml.Linq;

namespace Calls.Sandbox.Twilio;

public sealed partial class TwilioCloud
{
    /// <summary>Fetches a document for a leg and runs it in place of what the leg was doing.</summary>
    private void Fetch(Leg leg, WebhookKind kind, Uri url, string method, IReadOnlyList<KeyValuePair<string, string>> parameters, Action? then, Uri? fallback = null)
    {
        var run = ++leg.Run;
        leg.DocumentUrl = url;
        Send(kind, url, method, parameters, leg.Sid, leg.Status, result =>
        {
            if (!leg.IsLive || leg.Run != run)
                return;
            if (Parse(result) is { } document)
            {
                then?.Invoke();
                (leg.Document, leg.Verb) = (document, 0);
                Next(leg);
            }
            else if (fallback is not null)
            {
                Journal.Add(JournalKind.Error, leg.Phone.Address, $"11200: {url.AbsolutePath} failed, the fallback URL is asked", leg.Sid);
                Fetch(leg, kind, fallback, method, [.. parameters, new("ErrorCode", "11200"), new("ErrorUrl", url.ToString())], then);
            }
            else
            {
                then?.Invoke();
                Journal.Add(JournalKind.Error, leg.Phone.Address, $"11200: {url.AbsolutePath} answered {result.Status} {result.Failure}", leg.Sid);
                leg.Sounds.Add("An application error has occurred.");
                End(leg, "completed", "participant_hung_up");
            }
        });
    }

    private static List<XElement>? Parse(WebhookResult result)
    {
        if (!result.IsSuccess || result.ContentType?.Split(';')[0].Trim() is not ("text/xml" or "application/xml" or "text/html"))
            return null;
        try
        {
            return XDocument.Parse(result.Body).Root is { Name.LocalName: "Response" } response ? [.. response.Elements()] : null;
        }
        catch (XmlException)
        {
            return null;
        }
    }

    /// <summary>The next verb of a leg's document; at its end, Twilio hangs up.</summary>
    private void Next(Leg leg)
    {
        if (!leg.IsLive)
            return;
        if (leg.Verb >= leg.Document.Count)
        {
            End(leg, "completed", "participant_hung_up");
            return;
        }

        var verb = leg.Document[leg.Verb++];
        switch (verb.Name.LocalName)
        {
            case "Say":
                leg.Sounds.Add(verb.Value.Trim());
                Journal.Add(JournalKind.Leg, leg.Phone.Address, $"hears “{verb.Value.Trim()}”", leg.Sid);
                Continue(leg, Options.SpeechTime);
                break;
            case "Play":
                leg.Sounds.Add(verb.Value.Trim());
                Continue(leg, Options.SpeechTime);
                break;
            case "Pause":
                Continue(leg, Options.PauseSecond * (int.TryParse(verb.Attribute("length")?.Value, CultureInfo.InvariantCulture, out var seconds) ? seconds : 1));
                break;
            case "Redirect":
                Fetch(leg, WebhookKind.Redirect, new Uri(leg.DocumentUrl!, verb.Value.Trim()), verb.Attribute("method")?.Value ?? "POST", RequestParameters(leg), then: null);
                break;
            case "Reject" when leg.Direction == "inbound":
                End(leg, verb.Attribute("reason")?.Value == "busy" ? "busy" : "no-answer", "participant_hung_up");
                break;
            case "Hangup":
                End(leg, "completed", "participant_hung_up");
                break;
            case "Dial" when verb.Element("Conference") is { } conference:
                if (!Enter(leg, verb, conference))
                    Next(leg);
                break;
            default:
                Journal.Add(JournalKind.Error, leg.Phone.Address, $"12200: <{verb.Name.LocalName}> is not emulated here", leg.Sid);
                Next(leg);
                break;
        }
    }

    private void Continue(Leg leg, TimeSpan after)
    {
        var run = leg.Run;
        scheduler.Schedule(after, () =>
        {
            if (leg.Run == run)
                Next(leg);
        });
    }

    /// <summary>The conference is over for a leg that lives on: its <c>action</c>, else the next verb.</summary>
    private void DialIsOver(Leg leg)
    {
        var dial = leg.Dial;
        leg.Dial = null;
        if (dial?.Attribute("action")?.Value is { } action)
            Fetch(leg, WebhookKind.DialAction, new Uri(leg.DocumentUrl!, action), dial.Attribute("method")?.Value ?? "POST", DialActionParameters(leg), then: null);
        else
            Next(leg);
    }

    /// <summary>Asked also when the leg has hung up; then the answer makes no difference.</summary>
    private void RequestDialAction(Leg leg, XElement dial)
    {
        if (dial.Attribute("action")?.Value is { } action)
            Send(WebhookKind.DialAction, new Uri(leg.DocumentUrl!, action), dial.Attribute("method")?.Value ?? "POST", DialActionParameters(leg), leg.Sid, leg.Status);
    }

    /// <summary>What someone hears who waits for a conference to start. A document that cannot be had drops the leg.</summary>
    private void RequestWaitDocument(Seat seat, Uri url)
    {
        var leg = seat.Leg;
        List<KeyValuePair<string, string>> parameters =
        [
            new("AccountSid", Options.AccountSid), new("ApiVersion", "2010-04-01"), new("CallSid", leg.Sid), new("CallStatus", "in-progress"), new("Direction", "outbound-dial"),
            new("ConferenceSid", seat.Conference.Sid), new("To", ""), new("From", ""), new("Caller", ""), new("Called", ""),
        ];
        Send(WebhookKind.Wait, url, seat.WaitMethod, parameters, leg.Sid, null, result =>
        {
            if (!leg.IsLive || leg.Seat != seat)
                return;
            if (Parse(result) is { } document)
                leg.Sounds.AddRange(document.Where(verb => verb.Name.LocalName is "Play" or "Say").Select(verb => verb.Value.Trim()));
            else if (result.IsSuccess && result.ContentType?.StartsWith("audio/", StringComparison.Ordinal) == true)
                leg.Sounds.Add(url.ToString());
            else
            {
                Journal.Add(JournalKind.Error, leg.Phone.Address, $"11200: the wait URL answered {result.Status} {result.Failure}", leg.Sid);
                Leave(seat, "participant_hung_up");
                DialIsOver(leg);
            }
        });
    }

    private List<KeyValuePair<string, string>> DialActionParameters(Leg leg) =>
        [.. RequestParameters(leg), new("DialCallStatus", "answered"), new("DialBridged", "true")];

    private IReadOnlyList<KeyValuePair<string, string>> RequestParameters(Leg leg) =>
        leg.Direction == "inbound" ? [.. VoiceParameters(leg), .. leg.Parameters.Where(p => p.Key != "To")] : VoiceParameters(leg);
}
