using System.Globalization;
using System.Xml.Linq;
using Calls.Domain;
using Calls.Infrastructure.Twilio;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Calls.Api.Twilio;

/// <summary>The TwiML documents that we answer with (twilio.com/docs/voice/twiml).</summary>
internal sealed class TwiML(CallbackUrls urls)
{
    private const string Events = "start end join leave mute hold";

    /// <summary>Into the room. Every leg gets the same callback settings, since Twilio honours those of whoever is first
    /// (twilio.com/docs/voice/twiml/conference); the caller hears ringback until somebody answers, everyone else silence.</summary>
    /// <remarks>The <c>&lt;Hangup/&gt;</c> is there because the end of a conference is not the end of a leg.</remarks>
    public IResult Join(SessionId session, string room, Participant participant, string? traceParent) => Document(
        new XElement("Dial",
            new XAttribute("action", urls.Left(session, participant.Id)),
            new XAttribute("method", "POST"),
            new XElement("Conference",
                new XAttribute("beep", "false"),
                new XAttribute("participantLabel", participant.Id.Value),
                new XAttribute("statusCallback", urls.Conference(session)),
                new XAttribute("statusCallbackMethod", "POST"),
                new XAttribute("statusCallbackEvent", Events),
                new XAttribute("waitUrl", participant.Role == Role.Caller ? urls.Wait(traceParent) : ""),
                new XAttribute("waitMethod", "GET"),
                room)),
        new XElement("Hangup"));

    public static IResult HangUp() => Document(new XElement("Hangup"));

    /// <summary>Says why not, and hangs up: on a 4xx Twilio would play "an application error has occurred".</summary>
    public static IResult Refuse(string words) => Document(new XElement("Say", words), new XElement("Hangup"));

    /// <summary>Keeps the caller on the line, and asks again.</summary>
    public static IResult Hold(string url, TimeSpan pause) => Document(
        new XElement("Pause", new XAttribute("length", ((int)pause.TotalSeconds).ToString(CultureInfo.InvariantCulture))),
        new XElement("Redirect", new XAttribute("method", "POST"), url));

    /// <summary>Ringback for as long as it takes: a wait document is not repeated by itself.</summary>
    public static IResult Ringback(string audio) => Document(new XElement("Play", new XAttribute("loop", "0"), audio));

    private static ContentHttpResult Document(params XElement[] verbs) => TypedResults.Text(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>" + new XElement("Response", verbs).ToString(SaveOptions.DisableFormatting), "text/xml", System.Text.Encoding.UTF8);
}
