namespace Calls.Sandbox.Twilio;

/// <summary>A phone that may be used from any thread. Each action completes when the emulator has handled it.</summary>
public sealed class PhoneHandle
{
    private readonly TwilioEmulator _emulator;
    private readonly Phone _phone;

    internal PhoneHandle(TwilioEmulator emulator, Phone phone) => (_emulator, _phone) = (emulator, phone);

    public string Address => _phone.Address;

    /// <summary>Sets what the phone does by itself when it is called, and how long it rings before that.</summary>
    public Task BehaveAsync(PhoneBehaviour behaviour, TimeSpan after = default) =>
        DoAsync(() => (_phone.Behaviour, _phone.After) = (behaviour, after));

    /// <summary>The phone itself. It changes while calls go on.</summary>
    public Task<Phone> LookAsync() => DoAsync(() => _phone);

    public PhoneState State => _emulator.Read(_ => _phone.State);

    /// <summary>The leg in progress, else the newest live leg; null while the phone is idle.</summary>
    public Leg? Current => _emulator.Read(_ => _phone.Current);

    /// <summary>The friendly name of the conference that the phone is in; null if there is none.</summary>
    public string? ConferenceName => _emulator.Read(_ => _phone.Conference?.FriendlyName);

    public string? ConferenceSid => _emulator.Read(_ => _phone.Conference?.Sid);

    /// <summary>The addresses of the phones that hear this phone and that it hears.</summary>
    public IReadOnlyList<string> TalksWith => _emulator.Read(_ => _phone.TalksWith);

    public bool IsMuted => _emulator.Read(_ => _phone.IsMuted);

    public bool IsOnHold => _emulator.Read(_ => _phone.IsOnHold);

    /// <summary>What the phone plays now: the addresses of other phones, the name or URL of music, or <c>silence</c>.</summary>
    public string Hears => _emulator.Read(_ => _phone.Hears);

    /// <summary>The texts (in quotation marks) and the URLs of sounds that were played to the phone, oldest first.</summary>
    public IReadOnlyList<string> Heard => _emulator.Read<string[]>(_ => [.. _phone.Heard]);

    /// <summary>The legs for which the phone has rung, oldest first.</summary>
    public IReadOnlyList<Leg> Incoming => _emulator.Read<Leg[]>(_ => [.. _phone.Incoming]);

    /// <summary>How often the phone has rung.</summary>
    public int Rings => _emulator.Read(_ => _phone.Incoming.Count);

    /// <summary>Calls the TwiML App.</summary>
    /// <remarks><paramref name="to"/> is the custom parameter To of a client, or the number that a telephone dials.</remarks>
    public Task<Leg> PlaceCallAsync(string? to, Parameters? custom = null) => DoAsync(() => _phone.PlaceCall(to, custom));

    /// <summary>Calls as an app does, with a session id.</summary>
    public Task<Leg> CallAsync(string to, string? sessionId = null) => PlaceCallAsync(to, new() { { "SessionID", sessionId } });

    /// <summary>Answers the oldest ringing leg.</summary>
    public Task AnswerAsync() => DoAsync(_phone.Answer);

    /// <summary>Presses a key, while the call asks for one.</summary>
    public Task PressAsync(string key) => DoAsync(() => _phone.Press(key));

    /// <summary>Sets the key that the phone presses by itself, and the length of its greeting.</summary>
    public Task BehaveAsync(PhoneBehaviour behaviour, string? key, TimeSpan beepAfter = default) =>
        DoAsync(() => (_phone.Behaviour, _phone.Key, _phone.BeepAfter) = (behaviour, key, beepAfter));

    /// <summary>Waits until the call asks the phone for a key.</summary>
    public Task IsAskedAsync(TimeSpan? patience = null) =>
        _emulator.WaitUntilAsync(_ => _phone.Current?.Question is not null, $"{Address} is asked for a key", patience);

    public Task DeclineAsync() => DoAsync(_phone.Decline);

    /// <summary>Hangs up. A phone that rings declines; a phone that calls cancels its call.</summary>
    public Task HangUpAsync() => DoAsync(_phone.HangUp);

    /// <summary>The phone loses its connection. Twilio notices it after <see cref="TwilioEmulatorOptions.DropNoticedAfter"/>.</summary>
    public Task DropAsync() => DoAsync(_phone.Drop);

    /// <summary>Waits until the phone rings.</summary>
    public Task RingsAsync(TimeSpan? patience = null) =>
        _emulator.WaitUntilAsync(_ => _phone.State == PhoneState.Ringing, $"{Address} rings", patience);

    /// <summary>Waits until the phone can talk with at least one other phone.</summary>
    public Task TalksAsync(TimeSpan? patience = null) =>
        _emulator.WaitUntilAsync(_ => _phone.TalksWith.Count > 0, $"{Address} talks with another phone", patience);

    /// <summary>Waits until the phone has no call.</summary>
    public Task IsIdleAsync(TimeSpan? patience = null) =>
        _emulator.WaitUntilAsync(_ => _phone.State == PhoneState.Idle, $"{Address} is idle", patience);

    public Task WaitForAsync(PhoneState state, TimeSpan timeout) =>
        _emulator.WaitUntilAsync(_ => _phone.State == state, timeout, $"{Address} is {state}");

    /// <summary>Waits until the phone can talk with exactly these phones.</summary>
    public Task WaitUntilTalkingWithAsync(TimeSpan timeout, params PhoneHandle[] others)
    {
        string[] expected = [.. others.Select(other => other.Address).Order(StringComparer.Ordinal)];
        return _emulator.WaitUntilAsync(
            _ => _phone.TalksWith.Order(StringComparer.Ordinal).SequenceEqual(expected, StringComparer.Ordinal),
            timeout,
            $"{Address} talks with {string.Join(", ", expected)}");
    }

    private Task<T> DoAsync<T>(Func<T> act) => _emulator.AskAsync(_ => act());

    private Task<bool> DoAsync(Action act) => _emulator.AskAsync(_ =>
    {
        act();
        return true;
    });
}
