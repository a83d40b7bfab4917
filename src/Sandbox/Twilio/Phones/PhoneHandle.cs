namespace Calls.Sandbox.Twilio;

/// <summary>A phone as a test or a page uses it, from any thread: every act waits until the cloud has seen it.</summary>
public sealed class PhoneHandle
{
    private readonly TwilioEmulator _emulator;
    private readonly Phone _phone;

    internal PhoneHandle(TwilioEmulator emulator, Phone phone) => (_emulator, _phone) = (emulator, phone);

    public string Address => _phone.Address;

    /// <summary>Sets what it does by itself when it is called, and after how much ringing.</summary>
    public Task BehaveAsync(PhoneBehaviour behaviour, TimeSpan after = default) => DoAsync(() => (_phone.Behaviour, _phone.After) = (behaviour, after));

    /// <summary>The phone itself; live, so look at once.</summary>
    public Task<Phone> LookAsync() => DoAsync(() => _phone);

    public PhoneState State => _emulator.Read(_ => _phone.State);

    /// <summary>The leg that its user is busy with; null while it is idle.</summary>
    public Leg? Current => _emulator.Read(_ => _phone.Current);

    /// <summary>The name of the conference that it is in.</summary>
    public string? ConferenceName => _emulator.Read(_ => _phone.Conference?.FriendlyName);

    public string? ConferenceSid => _emulator.Read(_ => _phone.Conference?.Sid);

    /// <summary>The addresses of the phones that it can talk with now.</summary>
    public IReadOnlyList<string> TalksWith => _emulator.Read(_ => _phone.TalksWith);

    public bool IsMuted => _emulator.Read(_ => _phone.IsMuted);

    public bool IsOnHold => _emulator.Read(_ => _phone.IsOnHold);

    /// <summary>What comes out of it now: other phones' addresses, the name of a music, or <c>silence</c>.</summary>
    public string Hears => _emulator.Read(_ => _phone.Hears);

    /// <summary>Everything that was said or played to it, oldest first.</summary>
    public IReadOnlyList<string> Heard => _emulator.Read<string[]>(_ => [.. _phone.Heard]);

    /// <summary>The calls that made it ring, each once.</summary>
    public IReadOnlyList<Leg> Incoming => _emulator.Read<Leg[]>(_ => [.. _phone.Incoming]);

    /// <summary>How often it rang.</summary>
    public int Rings => _emulator.Read(_ => _phone.Incoming.Count);

    /// <summary>Calls: a client its TwiML App with <paramref name="to"/> as the custom parameter To, a telephone that number.</summary>
    public Task<Leg> PlaceCallAsync(string? to, Parameters? custom = null) => DoAsync(() => _phone.PlaceCall(to, custom));

    /// <summary>Calls as the app does, with the session's id.</summary>
    public Task<Leg> CallAsync(string to, string? sessionId = null) => PlaceCallAsync(to, new() { { "SessionID", sessionId } });

    /// <summary>Picks up the call that has been ringing longest.</summary>
    public Task AnswerAsync() => DoAsync(_phone.Answer);

    public Task DeclineAsync() => DoAsync(_phone.Decline);

    /// <summary>Hangs up; while it rings this declines, while it calls it gives up.</summary>
    public Task HangUpAsync() => DoAsync(_phone.HangUp);

    /// <summary>Vanishes without a word; Twilio finds out after <see cref="TwilioEmulatorOptions.DropNoticedAfter"/>.</summary>
    public Task DropAsync() => DoAsync(_phone.Drop);

    public Task RingsAsync(TimeSpan? patience = null) => _emulator.WaitUntilAsync(_ => _phone.State == PhoneState.Ringing, $"{Address} rings", patience);

    /// <summary>In a conference with somebody to talk with.</summary>
    public Task TalksAsync(TimeSpan? patience = null) => _emulator.WaitUntilAsync(_ => _phone.TalksWith.Count > 0, $"{Address} talks to somebody", patience);

    public Task IsIdleAsync(TimeSpan? patience = null) => _emulator.WaitUntilAsync(_ => _phone.State == PhoneState.Idle, $"{Address} is idle", patience);

    public Task WaitForAsync(PhoneState state, TimeSpan timeout) =>
        _emulator.WaitUntilAsync(_ => _phone.State == state, timeout, $"{Address} is {state}");

    /// <summary>Waits until it can talk with exactly these.</summary>
    public Task WaitUntilTalkingWithAsync(TimeSpan timeout, params PhoneHandle[] others) =>
        _emulator.WaitUntilAsync(
            _ => _phone.TalksWith.Order(StringComparer.Ordinal).SequenceEqual(others.Select(other => other.Address).Order(StringComparer.Ordinal), StringComparer.Ordinal),
            timeout,
            $"{Address} talks with {string.Join(", ", others.Select(other => other.Address))}");

    private Task<T> DoAsync<T>(Func<T> act) => _emulator.AskAsync(_ => act());

    private Task<bool> DoAsync(Action act) => _emulator.AskAsync(_ =>
    {
        act();
        return true;
    });
}
