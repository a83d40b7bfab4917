using System.Globalization;
using Calls.Sandbox.Demo;
using Calls.Sandbox.Twilio;

namespace Calls.Sandbox;

/// <summary>The sandbox that a person plays with: the service, its emulated Twilio, and a small port on which phones are used with curl. Runs until Ctrl+C.</summary>
internal static class LiveSandbox
{
    private const int ApiPort = 5080;
    private const int PhonesPort = 5081;

    public static async Task<int> RunAsync()
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions { Port = ApiPort });
        await using var phones = BuildPhones(host.Twilio);
        await phones.StartAsync();
        Print(host);
        host.Twilio.Journal.Added += entry =>
        {
            foreach (var line in Timeline.Lines([entry]))
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{entry.At:HH:mm:ss.fff}{line[9..]}"));
        };
        await phones.WaitForShutdownAsync();
        return 0;
    }

    private static void Print(SandboxHost host)
    {
        var phones = $"http://127.0.0.1:{PhonesPort}/phones";
        Console.WriteLine($"""

            Calls is running, with an embedded Redis and an emulated Twilio.

              the Api             {host.Address}docs
              Twilio's REST API   {host.Twilio.ApiBaseUrl}

            Place a call, in another terminal:

              curl -X POST '{phones}/client:alice/call?to=bob&session=s-42'
              curl -X POST '{phones}/client:bob/answer'
              curl {host.Address}v1/sessions/s-42 -H "Authorization: Bearer $ALICE"
              curl -X POST {host.Address}v1/sessions/s-42/participants -H "Authorization: Bearer $ALICE" \
                   -H 'Content-Type: application/json' -d '{"{"}"phoneNumber": "+15550100101", "label": "lawyer"{"}"}'
              curl -X POST '{phones}/+15550100101/answer'
              curl -X POST '{phones}/client:alice/hang-up'

            where ALICE={host.TokenFor("alice")}

            A phone can call, answer, decline, hang-up and drop. Everything that goes over the wire is shown below. Ctrl+C ends it.

            """);
    }

    private static WebApplication BuildPhones(TwilioEmulator twilio)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{PhonesPort.ToString(CultureInfo.InvariantCulture)}");
        var app = builder.Build();
        app.MapPost("/phones/{address}/{action}", async (string address, string action, string? to, string? session) =>
        {
            var phone = address.StartsWith("client:", StringComparison.Ordinal) ? twilio.Client(address["client:".Length..]) : twilio.Phone(address);
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
        });
        return app;
    }
}
