using System.Xml.Linq;
using Twilio.TwiML;
using Twilio.TwiML.Voice;
using Twilio.Types;
using Conference = Twilio.TwiML.Voice.Conference;
using HttpMethod = Twilio.Http.HttpMethod;
using Language = Calls.Domain.Language;

namespace Calls.Api.Twilio;

/// <summary>The TwiML documents with which voice webhooks are answered (twilio.com/docs/voice/twiml).</summary>
internal sealed class TwiML(CallbackUrls urls, CallPolicy policy, PromptOptions prompts) : ICallerNotices
{
    /// <summary>How long a person may take to press a key, in seconds.</summary>
    private const int KeyTimeout = 15;
    private static readonly Conference.EventEnum[] Events =
    [
        Conference.EventEnum.Start, Conference.EventEnum.End, Conference.EventEnum.Join, Conference.EventEnum.Leave,
        Conference.EventEnum.Mute, Conference.EventEnum.Hold,
    ];

    /// <summary>Puts a leg into the room. The caller hears ringback until another participant is there. Other legs hear silence.</summary>
    /// <remarks>All legs have the same callback settings: Twilio uses those of the first leg (twilio.com/docs/voice/twiml/conference).
    /// The document ends with <c>&lt;Hangup/&gt;</c>, because the end of a conference does not end a leg.</remarks>
    public IResult Join(CallSession session, Participant participant)
    {
        var call = CallReference.To(session);
        var conference = new Conference(session.Room)
        {
            Beep = Conference.BeepEnum.False,
            ParticipantLabel = participant.RoomLabel,
            Muted = session.WillBeMuted(participant.Id) ? true : null,
            StatusCallback = new Uri(urls.Conference(call)),
            StatusCallbackMethod = HttpMethod.Post,
            StatusCallbackEvent = Events,
            WaitUrl = participant.Role == Role.Caller ? new Uri(urls.Wait(call.TraceParent)) : new EmptyUri(),
            WaitMethod = HttpMethod.Get,
        };
        var callee = participant.Role == Role.Caller ? session.Find(ParticipantId.Callee)?.Party : null;
        var left = new Uri(urls.Left(call, participant.Id, callee));
        var limit = (int)policy.MaxDuration.TotalSeconds;
        return Document(new Dial(action: left, method: HttpMethod.Post, timeLimit: limit).Append(conference), new Hangup());
    }

    /// <summary>Asks the person to press 1. Twilio requests the <c>action</c> also if no key was pressed.</summary>
    public IResult Ask(CallSession session, Participant participant, int question)
    {
        var action = new Uri(urls.Answer(CallReference.To(session), participant.Id, question));
        var gather = new Gather(
            action: action, method: HttpMethod.Post, numDigits: 1, timeout: KeyTimeout, actionOnEmptyResult: true,
            input: [Gather.InputEnum.Dtmf]);
        return Document(gather.Append(Speak(prompts.Question(session.Language))), new Hangup());
    }

    /// <summary>The message for a machine, if one is configured, and the hang-up.</summary>
    public IResult LeaveMessage(Language? language) =>
        prompts.Message(language) is { } message ? Document(Speak(message), new Hangup()) : HangUp;

    /// <summary>Another candidate got the call. The person hears so, and the line ends.</summary>
    public IResult AnsweredElsewhere(Language? language) => Document(Speak(prompts.AnsweredElsewhereNotice(language)), new Hangup());

    public string TwimlOf(LeaveReason because, Language? language) => prompts.Notice(because, language) is { } words
        ? Text(Speak(words), new Hangup())
        : Text(new Play(new Uri(urls.ToneOf(Tones.Of(because) ?? Tone.Reorder))), new Hangup());

    public static IResult HangUp { get; } = Document(new Hangup());
    /// <summary>Says why the call cannot be placed, and hangs up. After a 4xx Twilio would report an application error.</summary>
    public static IResult Refuse(string words) => Document(new Say(words), new Hangup());
    /// <summary>Keeps the person on the line for one cycle of ringback, and then asks again.</summary>
    public static IResult Hold(string audio, string url) => Document(new Play(new Uri(audio)), new Redirect(new Uri(url), HttpMethod.Post));
    /// <summary>Plays the ringback in an endless loop, because Twilio does not repeat a wait document.</summary>
    public static IResult Ringback(string audio) => Document(new Play(new Uri(audio), loop: 0));

    private static Say Speak(SpokenWords words)
    {
        var say = new Say(words.Words);
        if (words.Language is { } language)
            say.SetOption("language", language);
        return say;
    }

    private static ContentHttpResult Document(params global::Twilio.TwiML.TwiML[] verbs) =>
        TypedResults.Content(Text(verbs), "text/xml; charset=utf-8");

    private static string Text(params global::Twilio.TwiML.TwiML[] verbs)
    {
        var response = new VoiceResponse();
        foreach (var verb in verbs)
            response.Append(verb);
        return response.ToString(SaveOptions.DisableFormatting);
    }
}
