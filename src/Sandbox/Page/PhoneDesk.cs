using System.Collections.Concurrent;
using System.Globalization;
using System.Text.RegularExpressions;
using Calls.Sandbox.Twilio;

namespace Calls.Sandbox.Page;

/// <summary>The HTTP routes with which the page and curl use phones, add phones and set what a phone does when it is called.</summary>
internal sealed partial class PhoneDesk(TwilioEmulator twilio)
{
    /// <summary>How long a phone rings before it answers or declines by itself.</summary>
    private static readonly TimeSpan AutomaticDelay = TimeSpan.FromSeconds(1.5);
    private readonly ConcurrentDictionary<string, string> names = new(StringComparer.Ordinal);
    private int lastNumber = 100;

    /// <summary>The names that were given to phones, by address.</summary>
    public IReadOnlyDictionary<string, string> Names => names;

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/phones/{address}/{action}", UseAsync);
        routes.MapPost("/sandbox/phones", AddAsync);
        routes.MapPut("/sandbox/phones/{address}/behaviour", BehaveAsync);
    }

    private async Task<IResult> UseAsync(string address, string action, string? to, string? session, string? key)
    {
        if (Find(address) is not { } phone)
            return Results.Text("The address of a phone is client:<identity> or a number such as +15550100101.\n", statusCode: 400);
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
                case "press" when key is { Length: 1 }:
                    await phone.PressAsync(key);
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
                    return Results.Text(
                        "The actions of a phone are call (with ?to=), answer, press (with ?key=), decline, hang-up and drop.\n",
                        statusCode: 400);
            }
        }
        catch (InvalidOperationException e)
        {
            return Results.Text(e.Message + "\n", statusCode: 409);
        }

        return Results.Text($"{address} {action}: done\n");
    }

    /// <summary>Adds a phone. Without a number it gets the next number.</summary>
    private IResult AddAsync(NewPhone request)
    {
        var number = request.Number is { Length: > 0 } given
            ? given
            : string.Create(CultureInfo.InvariantCulture, $"+15550100{Interlocked.Increment(ref lastNumber):000}");
        if (number.StartsWith("client:", StringComparison.Ordinal) || Find(number) is not { } phone)
            return Results.Text("A number is a plus sign and 7 to 15 digits, such as +15550100101.\n", statusCode: 400);
        if (request.Name?.Trim() is { Length: > 0 and <= 40 } name)
            names[phone.Address] = name;
        return Results.Json(new { phone.Address });
    }

    private async Task<IResult> BehaveAsync(string address, NewBehaviour request)
    {
        if (Find(address) is not { } phone)
            return Results.NotFound();
        await phone.BehaveAsync(request.Behaviour, AutomaticDelay);
        return Results.NoContent();
    }

    private PhoneHandle? Find(string address)
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
