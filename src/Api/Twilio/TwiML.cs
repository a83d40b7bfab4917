using System.Buffers;
using System.Security;
using System.Text;
using Calls.Domain;
using Calls.Infrastructure.Twilio;

namespace Calls.Api.Twilio;

/// <summary>The TwiML documents that we answer with (twilio.com/docs/voice/twiml). Written as text; what an XML writer would cost, bench/Micro prints ("TwiML").</summary>
internal sealed class TwiML(CallbackUrls urls)
{
    private const string Events = "start end join leave mute hold";

    private const string Prologue = """<?xml version="1.0" encoding="UTF-8"?><Response>""";

    private const string Epilogue = "</Response>";

    private static readonly SearchValues<char> Seldom = SearchValues.Create("<>\"'");

    private static readonly TwiMLAnswer HangUpDocument = Document(Prologue + "<Hangup/>" + Epilogue);

    /// <summary>Into the room. Every leg gets the same callback settings, since Twilio honours those of whoever is first
    /// (twilio.com/docs/voice/twiml/conference); the caller hears ringback until somebody answers, everyone else silence.</summary>
    /// <remarks>The <c>&lt;Hangup/&gt;</c> is there because the end of a conference is not the end of a leg.</remarks>
    public IResult Join(CallSession session, Participant participant)
    {
        var call = CallReference.To(session);
        var waitUrl = participant.Role == Role.Caller ? urls.Wait(session.TraceParent) : "";
        return Document(
            $"{Prologue}<Dial action=\"{Escape(urls.Left(call, participant.Id))}\" method=\"POST\"><Conference beep=\"false\" participantLabel=\"{Escape(participant.Id.Value)}\" " +
            $"statusCallback=\"{Escape(urls.Conference(call))}\" statusCallbackMethod=\"POST\" statusCallbackEvent=\"{Events}\" " +
            $"waitUrl=\"{Escape(waitUrl)}\" waitMethod=\"GET\">{Escape(session.Room)}</Conference></Dial><Hangup/>{Epilogue}");
    }

    public static IResult HangUp() => HangUpDocument;

    /// <summary>Says why not, and hangs up: on a 4xx Twilio would play "an application error has occurred".</summary>
    public static IResult Refuse(string words) => Document($"{Prologue}<Say>{Escape(words)}</Say><Hangup/>{Epilogue}");

    /// <summary>Keeps the caller on the line, and asks again.</summary>
    public static IResult Hold(string url, TimeSpan pause) => Document(string.Create(
        System.Globalization.CultureInfo.InvariantCulture, $"{Prologue}<Pause length=\"{(int)pause.TotalSeconds}\"/><Redirect method=\"POST\">{Escape(url)}</Redirect>{Epilogue}"));

    /// <summary>Ringback for as long as it takes: a wait document is not repeated by itself.</summary>
    public static IResult Ringback(string audio) => Document($"{Prologue}<Play loop=\"0\">{Escape(audio)}</Play>{Epilogue}");

    /// <summary>Of our own URLs nothing but <c>&amp;</c> needs it, and that is replaced in one go.</summary>
    private static string Escape(string text) => !text.AsSpan().ContainsAny(Seldom) ? text.Replace("&", "&amp;", StringComparison.Ordinal) : SecurityElement.Escape(text);

    private static TwiMLAnswer Document(string text) => new(text);
}

/// <summary>A TwiML document as an answer. ASP.NET Core's own results make a logger for each.</summary>
internal sealed class TwiMLAnswer(string document) : IResult, IStatusCodeHttpResult
{
    public const string ContentType = "text/xml; charset=utf-8";

    public string Document => document;

    public int? StatusCode => StatusCodes.Status200OK;

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        (response.StatusCode, response.ContentType, response.ContentLength) = (StatusCodes.Status200OK, ContentType, Encoding.UTF8.GetByteCount(document));
        Encoding.UTF8.GetBytes(document, response.BodyWriter);
        await response.BodyWriter.FlushAsync();
    }
}

/// <summary>What a status callback is answered with: 204, and nothing to say.</summary>
internal sealed class Noted : IResult, IStatusCodeHttpResult
{
    public static Noted Answer { get; } = new();

    public int? StatusCode => StatusCodes.Status204NoContent;

    public Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }
}
