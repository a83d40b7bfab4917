using System.Diagnostics;
using System.Globalization;
using System.Net;
using Calls.Chaos.Tests.Harness;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;
using Microsoft.Extensions.Options;

namespace Calls.Lifecycle.Tests;

/// <summary>
/// A mounted directory of secrets, as Kubernetes maintains it: files are links through <c>..data</c> to a directory that is replaced as a
/// whole.
/// </summary>
public sealed class Secrets_are_files : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly DirectoryInfo volume = Directory.CreateTempSubdirectory("calls-secrets-");
    private int generation;

    [Fact]
    public async Task Tokens_are_rotated_without_a_restart()
    {
        Mount(("Twilio__RequestValidation__AuthToken", "first"));
        await using var host = await SandboxHost.StartAsync(new SandboxOptions
        {
            Settings = [new("Calls:SecretsDirectory", volume.FullName)],
        });
        (await AnswerAsync(host, "first")).ShouldBe(HttpStatusCode.OK);
        (await AnswerAsync(host, "second")).ShouldBe(HttpStatusCode.Forbidden);
        (await AnswerAsync(host, host.Twilio.Options.AuthToken)).ShouldBe(HttpStatusCode.Forbidden, "the file counts for more");

        Mount(("Twilio__RequestValidation__AuthToken", "first"), ("Twilio__RequestValidation__SecondaryAuthToken", "second"));
        await Eventually.TrueAsync(async () => await AnswerAsync(host, "second") == HttpStatusCode.OK, "the next token counts", Patience);
        (await AnswerAsync(host, "first")).ShouldBe(HttpStatusCode.OK, "and so does the one before");

        Mount(("Twilio__RequestValidation__AuthToken", "second\n"));
        await Eventually.TrueAsync(async () => await AnswerAsync(host, "first") == HttpStatusCode.Forbidden,
            "the token before counts no more", Patience);
        (await AnswerAsync(host, "second")).ShouldBe(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("/no/such/directory")]
    [InlineData("relative")]
    public async Task A_directory_that_is_named_and_not_there_is_an_error_that_names_the_key(string directory)
    {
        var refused = await Should.ThrowAsync<OptionsValidationException>(() => SandboxHost.StartAsync(new SandboxOptions
        {
            Settings = [new("Calls:SecretsDirectory", directory)],
        }));
        refused.Message.ShouldContain("Calls:SecretsDirectory");
        refused.Message.ShouldContain(directory);
    }

    public void Dispose() => volume.Delete(recursive: true);

    private static async Task<HttpStatusCode> AnswerAsync(SandboxHost host, string token)
    {
        var url = new Uri(host.Address, "/twilio/sessions/none/conference");
        KeyValuePair<string, string>[] form = [new("FriendlyName", "none.1")];
        return (await Http.FormAsync(url, form, Signer.Sign(token, url, form))).Status switch
        {
            HttpStatusCode.NoContent => HttpStatusCode.OK,
            HttpStatusCode.TooManyRequests => HttpStatusCode.Forbidden,
            var other => other,
        };
    }

    /// <summary>
    /// The same steps as the kubelet: a new directory, a link to it that is renamed over the old link, and links to the files.
    /// </summary>
    private void Mount(params (string Key, string Value)[] secrets)
    {
        var data = string.Create(CultureInfo.InvariantCulture, $"..generation-{++generation}");
        Directory.CreateDirectory(At(data));
        foreach (var (key, value) in secrets)
            File.WriteAllText(At(Path.Combine(data, key)), value);
        File.CreateSymbolicLink(At("..data_tmp"), data);
        using (var rename = Process.Start("mv", ["-T", At("..data_tmp"), At("..data")]))
            rename.WaitForExit();
        foreach (var (key, _) in secrets)
            if (new FileInfo(At(key)).LinkTarget is null)
                File.CreateSymbolicLink(At(key), Path.Combine("..data", key));
        foreach (var gone in volume.GetFiles().Where(file => !file.Name.StartsWith("..", StringComparison.Ordinal)
            && secrets.All(secret => secret.Key != file.Name)))
            gone.Delete();
    }

    private string At(string name) => Path.Combine(volume.FullName, name);
}
