using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;

namespace Calls.Integration.Tests;

/// <summary>
/// The measurements of one instrument of one service. The other services of the process have instruments of the same name, and are not
/// heard.
/// </summary>
internal sealed class Measurements : IDisposable
{
    private readonly MeterListener listener = new();
    private readonly ConcurrentQueue<(double Value, string? Tag)> heard = new();

    public Measurements(IServiceProvider service, string instrument)
    {
        var scope = service.GetRequiredService<IMeterFactory>();
        listener.InstrumentPublished = (published, its) =>
        {
            if (published.Name == instrument && published.Meter.Scope == scope)
                its.EnableMeasurementEvents(published);
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) => Add(value, tags));
        listener.SetMeasurementEventCallback<double>((_, value, tags, _) => Add(value, tags));
        listener.Start();
    }

    /// <summary>Each value with the value of its first tag.</summary>
    public IReadOnlyList<(double Value, string? Tag)> All => [.. heard];

    /// <summary>The value of the first tag of each measurement.</summary>
    public IEnumerable<string?> Tags => All.Select(one => one.Tag);

    public void Clear() => heard.Clear();

    /// <summary>The present value of an observable instrument. Null if the service does not have the instrument.</summary>
    public double? Observe()
    {
        listener.RecordObservableInstruments();
        return All is [.., var last] ? last.Value : null;
    }

    public void Dispose() => listener.Dispose();

    private void Add(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
        heard.Enqueue((value, tags.IsEmpty ? null : tags[0].Value?.ToString()));
}
