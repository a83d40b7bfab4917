namespace Calls.Integration.Tests;

/// <summary>Files that Twilio published. They are copied beside the tests.</summary>
internal static class Published
{
    /// <summary>The test vectors of Twilio's own libraries; each names its sources.</summary>
    public static string SignatureVectors => Read("Webhooks/signature-vectors.json");

    /// <summary>The description of Twilio's REST API, reduced by <c>Gateway/twilio-openapi.jq</c>.</summary>
    public static string OpenApi => Read("Gateway/twilio-openapi.json");

    private static string Read(string file) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, file));
}
