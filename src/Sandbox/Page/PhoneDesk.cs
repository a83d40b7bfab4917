using System.Collections.Concurrent;
using System.Globalization;
using System.Text.RegularExpressions;
using Calls.Sandbox.Twilio;

namespace Calls.Sandbox.Page;

/// <summary>The phones, for curl and for the page: used one act at a time, put on the table, and told what to do when they are called.</summary>
internal sealed partial class PhoneDesk(TwilioEmulator twilio)
{
    private static readonly TimeSpan Reaction = TimeSpan.FromSeconds(1.5);
    private readonly ConcurrentDictionary<string, string> names = new(StringComparer.Ordinal);
    private int last = 100;

    /// <summary>What the phones on the table are called, by address.</summary>
    public IReadOnlyDictionary<string, string> Names => names;

    public void Map(IEndpointRouteBuilder app)
    {
        app.MapPost("/phones/{address}/{action}", UseAsync);
        app.MapPost("/sandbox/phones", AddAsync);
        app.MapPut("/sandbox/phones/{address}/behaviour", BehaveAsync);
    }

    private async Task<IResult> UseAsync(string address, string action, string? to, string? session)
    {
        if (At(address) is not { } phone)
            return Results.Text("A phone is client:<identity> or a number such as +15550100101.\n", statusCode: 400);
        try
        {
            switch (action)
            {
                case "call" when to is { Length: > 0 }:
                    await phone.CallAsync(to, session);
                    break;
                case "answer":
                    await phone.AnswerAsync();
                    break;
                case "decline":
                    await phone.DeclineAsync();
                    break;
                case "hang-up":
                    await phone.HangUpAsync();
                    break;
                case "drop":
                    await phone.DropAsync();
                    break;
                default:
                    return Results.Text("A phone can call (with ?to=), answer, decline, hang-up and drop.\n", statusCode: 400);
            }
        }
        catch (InvalidOperationException e)
        {
            return Results.Text(e.Message + "\n", statusCode: 409);
        }

        return Results.Text($"{address} {action}: done\n");
    }

    /// <summary>Puts a phone on the table, under the next free number where none is given.</summary>
    private IResult AddAsync(NewPhone wanted)
    {
        var number = wanted.Number is { Length: > 0 } given ? given : string.Create(CultureInfo.InvariantCulture, $"+15550100{Interlocked.Increment(ref last):000}");
        if (number.StartsWith("client:", StringComparison.Ordinal) || At(number) is not { } phone)
            return Results.Text("A number is + and 7 to 15 digits, such as +15550100101.\n", statusCode: 400);
        if (wanted.Name?.Trim() is { Length: > 0 and <= 40 } name)
            names[phone.Address] = name;
        return Results.Json(new { phone.Address });
    }

    private async Task<IResult> BehaveAsync(string address, NewBehaviour wanted)
    {
        if (At(address) is not { } phone)
            return Results.NotFound();
        await phone.BehaveAsync(wanted.Behaviour, Reaction);
        return Results.NoContent();
    }

    private PhoneHandle? At(string address)
    {
        if (address.StartsWith("client:", StringComparison.Ordinal))
            return address.Length > "client:".Length ? twilio.Client(address["client:".Length..]) : null;
        return Number().IsMatch(address) ? twilio.Phone(address) : null;
    }

    [GeneratedRegex("^\\+[0-9]{7,15}$", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Number();

    private sealed record NewPhone(string? Name, string? Number);

    private sealed record NewBehaviour(PhoneBehaviour Behaviour);
}
