namespace Calls.Sandbox.Twilio;

/// <summary>A phone as a test or a page uses it, from any thread: every act waits until the cloud has seen it.</summary>
public sealed class EmulatedPhone
{
    private readonly TwilioEmulator _emulator;
    private readonly Handset _handset;

    internal EmulatedPhone(TwilioEmulator emulator, Handset handset) => (_emulator, _handset) = (emulator, handset);

    public string Address => _handset.Address;

    /// <summary>What it does by itself when it is called.</summary>
    public PhoneBehaviour Behaviour
    {
        get => _emulator.Read(_ => _handset.Behaviour);
        set => _emulator.Read(_ => _handset.Behaviour = value);
    }

    public PhoneState State => _emulator.Read(_ => _handset.State);

    /// <summary>The leg that its user is busy with; null while it is idle.</summary>
    public Leg? Current => _emulator.Read(_ => _handset.Current);

    /// <summary>The name of the conference that it is in.</summary>
    public string? ConferenceName => _emulator.Read(_ => _handset.Conference?.FriendlyName);

    public string? ConferenceSid => _emulator.Read(_ => _handset.Conference?.Sid);

    /// <summary>The addresses of the phones that it can talk with now.</summary>
    public IReadOnlyList<string> TalksWith => _emulator.Read(_ => _handset.TalksWith);

    public bool IsMuted => _emulator.Read(_ => _handset.IsMuted);

    public bool IsOnHold => _emulator.Read(_ => _handset.IsOnHold);

    /// <summary>What comes out of it now: other phones' addresses, the name of a music, or <c>silence</c>.</summary>
    public string Hears => _emulator.Read(_ => _handset.Hears);

    /// <summary>Everything that was said or played to it, oldest first.</summary>
    public IReadOnlyList<string> Heard => _emulator.Read<string[]>(_ => [.. _handset.Heard]);

    /// <summary>The calls that made it ring, each once.</summary>
    public IReadOnlyList<Leg> Incoming => _emulator.Read<Leg[]>(_ => [.. _handset.Incoming]);

    /// <summary>How often it rang.</summary>
    public int Rings => _emulator.Read(_ => _handset.Incoming.Count);

    /// <summary>Calls: a client its TwiML App with <paramref name="to"/> as the custom parameter To, a telephone that number.</summary>
    public Task<Leg> PlaceCallAsync(string? to, Parameters? custom = null) => DoAsync(() => _handset.PlaceCall(to, custom));

    /// <summary>Picks up the call that has been ringing longest.</summary>
    public Task AnswerAsync() => DoAsync(_handset.Answer);

    public Task DeclineAsync() => DoAsync(_handset.Decline);

    /// <summary>Hangs up; while it rings this declines, while it calls it gives up.</summary>
    public Task HangUpAsync() => DoAsync(_handset.HangUp);

    /// <summary>Vanishes without a word; Twilio finds out after <see cref="TwilioCloudOptions.DropDetection"/>.</summary>
    public Task DropAsync() => DoAsync(_handset.Drop);

    public Task WaitForAsync(PhoneState state, TimeSpan timeout) =>
        _emulator.WaitUntilAsync(_ => _handset.State == state, timeout, $"{Address} is {state}");

    /// <summary>Waits until it can talk with exactly these.</summary>
    public Task WaitUntilTalkingWithAsync(TimeSpan timeout, params EmulatedPhone[] others) =>
        _emulator.WaitUntilAsync(
            _ => _handset.TalksWith.Order(StringComparer.Ordinal).SequenceEqual(others.Select(other => other.Address).Order(StringComparer.Ordinal), StringComparer.Ordinal),
            timeout,
            $"{Address} talks with {string.Join(", ", others.Select(other => other.Address))}");

    private Task<T> DoAsync<T>(Func<T> act) => _emulator.InvokeAsync(_ => act());

    private Task<bool> DoAsync(Action act) => _emulator.InvokeAsync(_ =>
    {
        act();
        return true;
    });
}
