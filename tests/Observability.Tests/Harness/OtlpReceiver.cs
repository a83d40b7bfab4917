using System.Collections.Concurrent;
using System.IO.Compression;
using System.Text;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Calls.Observability.Tests.Harness;

/// <summary>A collector: takes OTLP over HTTP as protobuf, keeps every byte, and reads of it what the tests ask for (opentelemetry-proto, trace.proto and metrics.proto).</summary>
internal sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly WebApplication app;

    private OtlpReceiver(WebApplication app) => this.app = app;

    /// <summary>Everything that was sent, as it was on the wire.</summary>
    public ConcurrentQueue<(string Replica, string Signal, byte[] Bytes)> Received { get; } = [];

    public IEnumerable<Span> Spans => Received.Where(r => r.Signal == "traces").SelectMany(r => Read(r.Bytes, 2).Select(item => Span.Read(r.Replica, item.Scope, item.Item)));

    /// <summary>The names of the metrics that came.</summary>
    public IEnumerable<string> Metrics => Received.Where(r => r.Signal == "metrics").SelectMany(r => Read(r.Bytes, 2)).Select(item => Wire.Text(item.Item, 1)).Distinct(StringComparer.Ordinal);

    /// <summary>The trace of every log record; empty where it belongs to none.</summary>
    public IEnumerable<string> TracesOfLogs => Received.Where(r => r.Signal == "logs").SelectMany(r => Read(r.Bytes, 2)).Select(item => Wire.Hex(item.Item, 9));

    public static async Task<OtlpReceiver> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var receiver = new OtlpReceiver(builder.Build());
        receiver.app.MapPost("/{replica}/v1/{signal}", receiver.TakeAsync);
        await receiver.app.StartAsync();
        return receiver;
    }

    /// <summary>Where one replica is to send to.</summary>
    public string EndpointFor(string replica) => $"{app.Urls.Single()}/{replica}";

    public async ValueTask DisposeAsync() => await app.DisposeAsync();

    private async Task<IResult> TakeAsync(string replica, string signal, HttpRequest request)
    {
        using var bytes = new MemoryStream();
        await using var body = request.Headers.ContentEncoding == "gzip" ? new GZipStream(request.Body, CompressionMode.Decompress) : request.Body;
        await body.CopyToAsync(bytes);
        Received.Enqueue((replica, signal, bytes.ToArray()));
        return Results.Bytes([], "application/x-protobuf");
    }

    /// <summary>Resources hold scopes, and scopes hold what was sent, in all three signals alike.</summary>
    private static IEnumerable<(string Scope, byte[] Item)> Read(byte[] message, int items) =>
        from resource in Wire.Messages(message, 1)
        from scope in Wire.Messages(resource, 2)
        let name = Wire.Messages(scope, 1).Select(s => Wire.Text(s, 1)).FirstOrDefault("")
        from item in Wire.Messages(scope, items)
        select (name, item);
}

/// <summary>One span as it was exported.</summary>
internal sealed record Span(string Replica, string Scope, string Trace, string Id, string Parent, string Name, int Kind, IReadOnlyDictionary<string, string> Tags, IReadOnlyList<string> LinkedTraces)
{
    public const int Server = 2;
    public const int Client = 3;

    public string? Session => Tags.GetValueOrDefault("calls.session.id");

    public static Span Read(string replica, string scope, byte[] span) => new(
        replica, scope, Wire.Hex(span, 1), Wire.Hex(span, 2), Wire.Hex(span, 4), Wire.Text(span, 5), (int)Wire.Number(span, 6),
        Wire.Messages(span, 9).ToDictionary(tag => Wire.Text(tag, 1), tag => Wire.Messages(tag, 2).Select(Wire.Value).FirstOrDefault(""), StringComparer.Ordinal),
        [.. Wire.Messages(span, 13).Select(link => Wire.Hex(link, 1))]);

    public override string ToString() => $"{Trace[..6]} {Id[..4]} <- {(Parent.Length == 0 ? "root" : Parent[..4])} {Replica} {Name} [{Scope}]";
}

/// <summary>Protobuf by field number, without generated types.</summary>
internal static class Wire
{
    public static IEnumerable<byte[]> Messages(byte[] message, int field) => Fields(message).Where(f => f.Number == field).Select(f => f.Bytes);

    public static string Text(byte[] message, int field) => Encoding.UTF8.GetString(Messages(message, field).FirstOrDefault([]));

    public static string Hex(byte[] message, int field) => Convert.ToHexStringLower(Messages(message, field).FirstOrDefault([]));

    public static ulong Number(byte[] message, int field) => Fields(message).FirstOrDefault(f => f.Number == field).Value;

    /// <summary>An AnyValue: text where it is text, else the number.</summary>
    public static string Value(byte[] any) => Fields(any).Select(f => f.Number == 1 ? Encoding.UTF8.GetString(f.Bytes) : f.Value.ToString(System.Globalization.CultureInfo.InvariantCulture)).FirstOrDefault("");

    private static IEnumerable<(int Number, byte[] Bytes, ulong Value)> Fields(byte[] message)
    {
        var input = new CodedInputStream(message);
        while (input.ReadTag() is not 0 and var tag)
        {
            var number = WireFormat.GetTagFieldNumber(tag);
            yield return WireFormat.GetTagWireType(tag) switch
            {
                WireFormat.WireType.LengthDelimited => (number, input.ReadBytes().ToByteArray(), 0UL),
                WireFormat.WireType.Fixed64 => (number, [], input.ReadFixed64()),
                WireFormat.WireType.Fixed32 => (number, [], input.ReadFixed32()),
                _ => (number, [], input.ReadUInt64()),
            };
        }
    }
}
