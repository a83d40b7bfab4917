using System.Net;
using System.Text;
using Calls.Application.Ports;
using Calls.Chaos.Tests.Harness;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Calls.Lifecycle.Tests;

/// <summary>Credentials are files. Each rotation of the runbook ("Rotating tokens") is carried out while the service runs.</summary>
public sealed class Secrets_are_files : IDisposable
{
    private const string AccountSid = "AC00000000000000000000000000000001";
    private const string Key = "SK00000000000000000000000000000002";
    private const string NewKey = "SK00000000000000000000000000000003";
    private const string KeySecret = "the-secret-of-the-key-0123456789";
    private const string NewKeySecret = "the-secret-of-the-new-key-012345";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly MountedSecrets secrets = new();

    [Fact]
    public async Task The_auth_token_is_rotated_without_a_restart_and_without_a_refused_request()
    {
        await using var account = await TwilioAccount.StartAsync();
        account.Valid = [AccountSid + ":first"];
        secrets.Mount(("Twilio__AuthToken", "first"));
        await using var host = await StartAsync(account);
        await using var traffic = new Traffic(host, account);
        (await WebhookAsync(host, "first")).ShouldBe(HttpStatusCode.NoContent);
        (await WebhookAsync(host, "second")).ShouldBe(HttpStatusCode.Forbidden);
        (await WebhookAsync(host, host.Twilio.Options.AuthToken)).ShouldBe(HttpStatusCode.Forbidden, "the file goes before other settings");

        // 1: the secondary token is created in the console. 2: the service gets it.
        account.Valid = [AccountSid + ":first", AccountSid + ":second"];
        secrets.Mount(
            ("Twilio__AuthToken", "first"), ("Twilio__RequestValidation__SecondaryAuthToken", "second"),
            ("Twilio__Client__AuthToken", "second"));
        await traffic.UsesAsync(AccountSid + ":second");
        await Eventually.TrueAsync(
            async () => await WebhookAsync(host, "second") == HttpStatusCode.NoContent, "the secondary token is accepted", Patience);
        (await WebhookAsync(host, "first")).ShouldBe(HttpStatusCode.NoContent, "Twilio still signs with the primary token");

        // 3: the secondary token is promoted.
        account.Valid = [AccountSid + ":second"];
        await traffic.GoesOnAsync();
        (await WebhookAsync(host, "second")).ShouldBe(HttpStatusCode.NoContent);

        // 4: the new token is the only one. A line break at its end does no harm.
        secrets.Mount(("Twilio__AuthToken", "second\n"));
        await Eventually.TrueAsync(
            async () => await WebhookAsync(host, "first") == HttpStatusCode.Forbidden, "the old token is no longer accepted", Patience);
        (await WebhookAsync(host, "second")).ShouldBe(HttpStatusCode.NoContent);
        await traffic.UsesAsync(AccountSid + ":second");
        account.Refused.ShouldBeEmpty("no request was sent with a token that was not valid");
        (await AskAsync(account, AccountSid + ":first")).ShouldBe(HttpStatusCode.Unauthorized, "the account has forgotten the old token");
    }

    [Fact]
    public async Task An_api_key_is_replaced_without_a_restart_and_without_a_refused_request()
    {
        await using var account = await TwilioAccount.StartAsync();
        account.Valid = [$"{Key}:{KeySecret}"];
        secrets.Mount(("Twilio__AuthToken", "token"), ("Twilio__Client__ApiKeySid", Key), ("Twilio__Client__ApiKeySecret", KeySecret));
        await using var host = await StartAsync(account);
        await using var traffic = new Traffic(host, account);
        await traffic.UsesAsync($"{Key}:{KeySecret}");

        account.Valid = [$"{Key}:{KeySecret}", $"{NewKey}:{NewKeySecret}"];
        // A file at a time, the second one late: settings that are not valid are not used.
        secrets.Mount(("Twilio__AuthToken", "token"), ("Twilio__Client__ApiKeySid", NewKey));
        var configuration = host.Services.GetRequiredService<IConfiguration>();
        bool IsHalf() => (configuration["Twilio:Client:ApiKeySid"], configuration["Twilio:Client:ApiKeySecret"]) is (NewKey, null or "");
        await Eventually.TrueAsync(
            () => Task.FromResult(IsHalf()), "the service has read the first half of the change", Patience);
        await traffic.GoesOnAsync();
        (await WebhookAsync(host, "token")).ShouldBe(HttpStatusCode.NoContent);
        secrets.Mount(
            ("Twilio__AuthToken", "token"), ("Twilio__Client__ApiKeySid", NewKey), ("Twilio__Client__ApiKeySecret", NewKeySecret));
        await traffic.UsesAsync($"{NewKey}:{NewKeySecret}");

        account.Valid = [$"{NewKey}:{NewKeySecret}"];
        await traffic.GoesOnAsync();
        account.Refused.ShouldBeEmpty("no request was sent with a key that was not valid");
        (await AskAsync(account, $"{Key}:{KeySecret}")).ShouldBe(HttpStatusCode.Unauthorized, "the account has forgotten the old key");
    }

    [Theory]
    [InlineData("/no/such/directory")]
    [InlineData("relative")]
    public async Task A_directory_that_is_named_and_not_there_is_an_error_that_names_the_key(string directory)
    {
        var refused = await Should.ThrowAsync<OptionsValidationException>(
            () => SandboxHost.StartAsync(new SandboxOptions { Settings = [new("Calls:SecretsDirectory", directory)] }));
        refused.Message.ShouldContain("Calls:SecretsDirectory");
        refused.Message.ShouldContain(directory);
    }

    public void Dispose() => secrets.Dispose();

    private Task<SandboxHost> StartAsync(TwilioAccount account) => SandboxHost.StartAsync(new SandboxOptions
    {
        Settings =
        [
            new("Calls:SecretsDirectory", secrets.Path),
            new("Twilio:Client:ApiBaseUrl", account.Url),
            new("Twilio:Client:AccountSid", AccountSid),
            new("Twilio:Client:ApiKeySid", ""),
            new("Twilio:Client:ApiKeySecret", ""),
        ],
    });

    private static async Task<HttpStatusCode> WebhookAsync(SandboxHost host, string token)
    {
        var url = new Uri(host.Address, "/twilio/sessions/none/x/conference");
        KeyValuePair<string, string>[] form = [new("FriendlyName", "none.1")];
        var status = (await Http.FormAsync(url, form, Signer.Sign(token, url, form))).Status;
        return status == HttpStatusCode.TooManyRequests ? HttpStatusCode.Forbidden : status;
    }

    private static async Task<HttpStatusCode> AskAsync(TwilioAccount account, string credentials)
    {
        var basic = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(credentials));
        var url = new Uri($"{account.Url}/2010-04-01/Accounts/{AccountSid}/Conferences.json");
        return (await Http.SendAsync(HttpMethod.Get, url, null, null, ("Authorization", basic))).Status;
    }

    /// <summary>Sends REST requests of the running service without a break, until it is disposed of. Every request must be
    /// accepted.</summary>
    private sealed class Traffic : IAsyncDisposable
    {
        private readonly CancellationTokenSource stopping = new();
        private readonly TwilioAccount account;
        private readonly Task sending;
        private int accepted;

        public Traffic(SandboxHost host, TwilioAccount account)
        {
            this.account = account;
            sending = SendAsync(host.Services.GetRequiredService<IVoiceGateway>());
        }

        public async Task UsesAsync(string credentials)
        {
            await Eventually.TrueAsync(
                () => Task.FromResult(sending.IsFaulted || account.LastAccepted == credentials), "requests have the credentials", Patience);
            await GoesOnAsync();
        }

        public async Task GoesOnAsync()
        {
            var before = Volatile.Read(ref accepted);
            await Eventually.TrueAsync(
                () => Task.FromResult(sending.IsFaulted || Volatile.Read(ref accepted) > before + 10), "requests are accepted", Patience);
            if (sending.IsFaulted)
                await sending;
        }

        public async ValueTask DisposeAsync()
        {
            await stopping.CancelAsync();
            await sending;
            stopping.Dispose();
        }

        private async Task SendAsync(IVoiceGateway gateway)
        {
            while (!stopping.IsCancellationRequested)
            {
                (await gateway.ListConferencesAsync("none.1", CancellationToken.None))
                    .ShouldBeOfType<GatewayOutcome<IReadOnlyList<ConferenceView>>.Accepted>();
                Interlocked.Increment(ref accepted);
                await Task.Yield();
            }
        }
    }
}
