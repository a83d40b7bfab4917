using BenchmarkDotNet.Attributes;
using Calls.Domain;
using Calls.Infrastructure.Redis;

namespace Calls.Micro;

/// <summary>The cost of writing and reading the stored form of a session.</summary>
public class StoredFormBenchmarks
{
    private CallSession session = null!;
    private byte[] stored = null!;

    [Params(2, 250)]
    public int Participants { get; set; }

    [GlobalSetup]
    public void Make()
    {
        session = new MadeCall(1, new CallPolicy { MaxGuests = Participants }, TimeProvider.System.GetUtcNow()).Talking(Participants)
            .Session!;
        stored = Write();
    }

    [Benchmark(Description = "session, serialise")]
    public byte[] Write() => StoredForm.Write(session);

    [Benchmark(Description = "session, deserialise")]
    public object Read() => StoredForm.Read(session.Id, stored);
}
