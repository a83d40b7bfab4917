using System.IO.Compression;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Calls.Observability.Tests;

/// <summary>
/// A collector's OTLP endpoint over HTTP (opentelemetry.io/docs/specs/otlp). It keeps every byte, and reads spans, metrics and logs from
/// the protocol buffers' wire format.
/// </summary>
internal sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly Lock gate = new();
    private readonly List<byte[]> bodies = [];
    private readonly Dictionary<string, Span> spans = new(StringComparer.Ordinal);
    private readonly List<LogRecord> logs = [];
    private readonly HashSet<string> metrics = new(StringComparer.Ordinal);

    private OtlpReceiver(WebApplication app) => this.app = app;

    public string Address => app.Urls.Single();

    public IReadOnlyList<Span> Spans => Read(() => spans.Values.ToList());

    public IReadOnlyList<LogRecord> Logs => Read(() => logs.ToList());

    public IReadOnlyCollection<string> Metrics => Read(() => metrics.ToHashSet(StringComparer.Ordinal));

    public static async Task<OtlpReceiver> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var receiver = new OtlpReceiver(app);
        app.MapPost("/v1/{signal}", async (string signal, HttpRequest request) =>
        {
            receiver.Take(signal, await BodyOf(request));
            return Results.Bytes(Array.Empty<byte>(), "application/x-protobuf");
        });
        await app.StartAsync();
        return receiver;
    }

    /// <summary>Whether a text is in any exported data.</summary>
    public bool Contains(string text)
    {
        var sought = System.Text.Encoding.UTF8.GetBytes(text);
        return Read(() => bodies.Exists(body => body.AsSpan().IndexOf(sought) >= 0));
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private T Read<T>(Func<T> read)
    {
        lock (gate)
            return read();
    }

    private void Take(string signal, byte[] body)
    {
        lock (gate)
        {
            bodies.Add(body);
            // ResourceSpans, ResourceMetrics and ResourceLogs have the same shape: scopes are field 2, and their items are field 2 of a
            // scope.
            foreach (var item in Messages(body, 1).SelectMany(resource => Messages(resource, 2)).SelectMany(scope => Messages(scope, 2)))
                Take(signal, Fields(item));
        }
    }

    private void Take(string signal, ILookup<int, object> item)
    {
        switch (signal)
        {
            case "traces":
                var span = new Span(Hex(item[1]), Hex(item[2]), Hex(item[4]), Text(item[5]), (int)(ulong)item[6].First(),
                    Attributes(item[9]),
                    [.. item[13].Select(link => Hex(Fields((byte[])link)[1]))]);
                spans[span.Id] = span;
                break;
            case "metrics":
                metrics.Add(Text(item[1]));
                break;
            case "logs":
                logs.Add(new LogRecord(Hex(item[9]), Text(Fields((byte[])item[5].First())[1])));
                break;
        }
    }

    private static async Task<byte[]> BodyOf(HttpRequest request)
    {
        using var copy = new MemoryStream();
        await using var body = request.Headers.ContentEncoding == "gzip"
            ? new GZipStream(request.Body, CompressionMode.Decompress) : request.Body;
        await body.CopyToAsync(copy);
        return copy.ToArray();
    }

    private static Dictionary<string, string> Attributes(IEnumerable<object> pairs) => pairs.Select(pair => Fields((byte[])pair))
        .ToDictionary(pair => Text(pair[1]), pair => Value(Fields((byte[])pair[2].First())), StringComparer.Ordinal);

    /// <summary>AnyValue: a string is field 1, a boolean field 2, an integer field 3.</summary>
    private static string Value(ILookup<int, object> any) => any.Contains(1) ? Text(any[1]) : string.Concat(any.SelectMany(field => field));

    private static IEnumerable<byte[]> Messages(byte[] message, int field) => Fields(message)[field].Cast<byte[]>();

    private static ILookup<int, object> Fields(byte[] message)
    {
        List<(int Field, object Value)> fields = [];
        var input = new CodedInputStream(message);
        while (input.ReadTag() is not 0 and var tag)
        {
            fields.Add((WireFormat.GetTagFieldNumber(tag), WireFormat.GetTagWireType(tag) switch
            {
                WireFormat.WireType.LengthDelimited => input.ReadBytes().ToByteArray(),
                WireFormat.WireType.Varint => input.ReadUInt64(),
                WireFormat.WireType.Fixed64 => input.ReadFixed64(),
                _ => (object)(ulong)input.ReadFixed32(),
            }));
        }

        return fields.ToLookup(field => field.Field, field => field.Value);
    }

    private static string Hex(IEnumerable<object> field) => field.FirstOrDefault() is byte[] bytes ? Convert.ToHexStringLower(bytes) : "";

    private static string Text(IEnumerable<object> field) =>
        field.FirstOrDefault() is byte[] bytes ? System.Text.Encoding.UTF8.GetString(bytes) : "";
}

/// <summary>A span as it was exported. <paramref name="Kind"/>: 1 internal, 2 server, 3 client.</summary>
internal sealed record Span(string Trace, string Id, string Parent, string Name, int Kind, IReadOnlyDictionary<string, string> Attributes,
    IReadOnlyList<string> LinkedTraces)
{
    public string? this[string attribute] => Attributes.GetValueOrDefault(attribute);
}

/// <summary>A log record as it was exported.</summary>
internal sealed record LogRecord(string Trace, string Body);
