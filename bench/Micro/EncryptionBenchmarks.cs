using BenchmarkDotNet.Attributes;
using Calls.Domain;
using Calls.Infrastructure.Redis;
using Microsoft.Extensions.Configuration;

namespace Calls.Micro;

/// <summary>The cost of the encryption of a session's stored form (<c>Calls:Encryption</c>), beside that of the form itself.</summary>
public class EncryptionBenchmarks
{
    private readonly StoredEncryption encryption = new(new ConfigurationBuilder().AddInMemoryCollection(
        [new("Calls:Encryption:Keys:k1", Convert.ToBase64String(new byte[32]))]).Build());
    private SessionId session = null!;
    private byte[] form = null!;
    private byte[] stored = null!;

    [Params(2, 250)]
    public int Participants { get; set; }

    [GlobalSetup]
    public void Make()
    {
        var talking = new MadeCall(1, new CallPolicy { MaxGuests = Participants }, TimeProvider.System.GetUtcNow()).Talking(Participants)
            .Session!;
        (session, form) = (talking.Id, StoredForm.Write(talking));
        stored = Protect();
    }

    [Benchmark(Description = "session, encrypt")]
    public byte[] Protect() => encryption.Protect(session, form);

    [Benchmark(Description = "session, decrypt")]
    public int Reveal() => encryption.Reveal(session, stored).Length;
}
