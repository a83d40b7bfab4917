using System.Collections.Immutable;
using Calls.Application.UseCases;
using Calls.Domain;
using Calls.Sandbox.Twilio;
using Calls.Simulation.Faults;
using Calls.Simulation.World;
using Phone = Calls.Sandbox.Twilio.Phone;

namespace Calls.Simulation.People;

/// <summary>
/// The people of one call and their plans: the caller, the callee, the guests, who answers, and who leaves when. The last person never
/// hangs up, because the service must end the last leg.
/// </summary>
internal sealed class Story
{
    /// <summary>The time at which all people except the last have left.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(150);

    /// <summary>Longer than any request to Twilio takes.</summary>
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(15);

    private readonly CallsWorld world;
    private readonly Random chance;
    private readonly Asker asker;
    private readonly HashSet<Phone> holders = [];
    private readonly List<(Phone Phone, ParticipantId Id, TimeSpan Answers)> guests = [];
    private Leg? placed;
    private double answers;

    public Story(CallsWorld world, int number, Random chance)
    {
        (this.world, Number, this.chance) = (world, number, chance);
        Session = SessionId.TryParse($"s-{number}", out var id) ? id : throw new InvalidOperationException();
        var identity = ClientIdentity.TryParse($"caller{number}", out var parsed) ? parsed : throw new InvalidOperationException();
        asker = new Asker(identity, IsOperator: false);
        Caller = world.Cloud.Phone(identity.Address);
        Callee = world.Cloud.Phone(chance.Next(4) == 0 ? $"+1555{number:0000}001" : $"client:callee{number}");
        // Drawn from a seed of its own, so that the rest of a world stays the same.
        var dice = new Random((world.Seed * 37) + number);
        if (world.IsCrossing || dice.Next(6) != 0)
            return;
        Group = GroupName.TryParse($"g{number}", out var name) ? name : throw new InvalidOperationException();
        IsConfigured = dice.Next(2) == 0;
        Members = new GroupMembers(
            PartiesOf(DrawCandidates(dice, dice.Next(2, 11))), dice.Next(3) == 0 ? Strategy.InOrder : Strategy.All);
    }

    /// <summary>The group that the caller calls. Null: the caller calls the callee.</summary>
    public GroupName? Group { get; }

    /// <summary>Whether the group is in the configuration of the service. Otherwise the group resolver knows it.</summary>
    public bool IsConfigured { get; }

    /// <summary>The members of the group.</summary>
    public GroupMembers? Members { get; }

    /// <summary>The phones of which one gets the call. Empty if no such participant is added.</summary>
    public IReadOnlyList<Phone> Candidates { get; private set; } = [];

    /// <summary>After this time from its begin, no more than one person stays on the line.</summary>
    public TimeSpan Lasts { get; private set; } = Longest;

    public int Number { get; }

    public SessionId Session { get; }

    public Phone Caller { get; }

    public Phone Callee { get; }

    public IReadOnlyList<(Phone Phone, ParticipantId Id, TimeSpan Answers)> Guests => guests;

    /// <summary>Whether a client asked to remove a participant or to end the call.</summary>
    public bool SomebodyIsSentAway { get; private set; }

    /// <summary>How often the caller has called again, to come back. If the call is over by then, this places a new call.</summary>
    public int CallsAgain { get; private set; }

    /// <summary>Whether an operator has put people on hold. Such a hold does not end with a person.</summary>
    public bool IsHeldByOperator { get; private set; }

    /// <summary>The callee answers and the caller waits for it. In a world without faults these two talk.</summary>
    public bool WillTalk { get; private set; }

    public bool HasTalked { get; private set; }

    public void Begin()
    {
        if (world.IsCrossing)
        {
            BeginCrossing();
            return;
        }

        var begins = Seconds(0, 40);
        Behave(Callee, chance.NextDouble());
        // The detection of machines and the question take their time.
        var screening = Callee.IsClient || world.Policy.ScreenPhones == Screening.None ? 0 : 4;
        var answersAfter = Callee.After;
        var callerLeaves = chance.NextDouble() < 0.2 ? Seconds(0, 12) : Seconds(15, 60);
        var calleeLeaves = answersAfter + (chance.NextDouble() < 0.3 ? Seconds(0, 3) : Seconds(3, 40));
        WillTalk = Group is null && Callee.Behaviour == PhoneBehaviour.Answer
            && callerLeaves > answersAfter + TimeSpan.FromSeconds(8 + screening)
            && calleeLeaves > answersAfter + TimeSpan.FromSeconds(6 + screening) && (screening == 0 || Callee.Key == "1")
            && answersAfter < TimeSpan.FromSeconds(25);
        world.Scheduler.Schedule(begins, Place);
        if (WillTalk)
            world.Scheduler.Schedule(begins + answersAfter + TimeSpan.FromSeconds(5.5 + screening),
                () => HasTalked = (Caller.Conference is { } room && room == Callee.Conference) || SomebodyIsSentAway);

        var people = 2 + Guest(begins) + Guest(begins);
        // One random person stays until the service ends their leg.
        var stays = chance.Next(people);
        if (stays != 0)
            Leaves(Caller, begins + callerLeaves);
        if (stays != 1)
            Leaves(Callee, begins + calleeLeaves);
        for (var i = 0; i < guests.Count; i++)
            if (stays != i + 2)
                Leaves(guests[i].Phone, chance.Next(2) == 0 ? begins + Seconds(1, 55) : guests[i].Answers + Seconds(0, 4));
        if (chance.NextDouble() < 0.05)
            Ask(begins + Seconds(0, 40), new EndCall(Session, asker));
        if (chance.NextDouble() < 0.3)
            world.Scheduler.Schedule(Seconds(30, 74), Replay);
        for (var i = chance.Next(7); i > 0; i--)
            Ask(begins + Seconds(0, 40), new SetParticipantFlags(
                Session, asker, chance.Next(3) == 0 ? ParticipantId.Caller : ParticipantId.Callee, chance.Next(2) == 0,
                chance.Next(3) == 0 ? chance.Next(2) == 0 : null));
        if (chance.NextDouble() < 0.4)
            Hold(Caller, asker, begins + callerLeaves, begins);
        else if (Callee.IsClient && chance.NextDouble() < 0.4)
            Hold(Callee, AskerOf(Callee), begins + calleeLeaves, begins);
        else if (chance.NextDouble() < 0.1)
            Hold(null, new Asker(null, IsOperator: true), begins + callerLeaves, begins);
        for (var i = chance.NextDouble() < 0.4 ? chance.Next(1, 3) : 0; i > 0; i--)
            DropsAndReturns(chance.Next(3) == 0 ? Callee : Caller, begins + answersAfter + Seconds(12, 40));
        // The callee's app is added while it talks, or after it has left or declined.
        if (Callee.IsClient && chance.NextDouble() < 0.2 && Group is null)
            world.Scheduler.Schedule(begins + Seconds(1, 45), () =>
                Add(Callee, ParticipantId.TryParse("guest-again", out var again) ? again : throw new InvalidOperationException()));
        // Drawn from a seed of its own, so that the rest of a world stays the same.
        var dice = new Random((world.Seed * 31) + Number);
        if (Group is not null)
            foreach (var phone in Candidates)
                world.Scheduler.Schedule(begins + TimeSpan.FromSeconds(15 + (40 * dice.NextDouble())), () => Leave(phone, vanishes: false));
        else if (dice.Next(4) == 0)
            AddOneOf(dice, begins + answersAfter + TimeSpan.FromSeconds(3 + (5 * dice.NextDouble())), dice.Next(2, 11),
                dice.Next(3) == 0 ? Strategy.InOrder : Strategy.All, dice.Next(2) == 0 ? (Screening)dice.Next(3) : null);
        // All people who still talk at this length of the call hang up, late guests included. In order, each candidate can wait in
        // Twilio's queue and ring.
        Lasts = Longest + (2 * world.Policy.QueueTimeout) + (Candidates.Count * world.Policy.LongestWait);
        for (var at = TimeSpan.FromSeconds(57); at < Lasts; at += TimeSpan.FromSeconds(15))
            world.Scheduler.Schedule(begins + at, LeaveOneByOne);
    }

    /// <summary>Two people talk and add one of ten candidates. Three of the ten answer within 50 ms. All hang up in the end.</summary>
    private void BeginCrossing()
    {
        var dice = new Random((world.Seed * 31) + Number);
        var begins = TimeSpan.FromSeconds(20 * dice.NextDouble());
        (Callee.Behaviour, Callee.After, Callee.Key) = (PhoneBehaviour.Answer, TimeSpan.FromSeconds(1), "1");
        world.Scheduler.Schedule(begins, Place);
        AddOneOf(dice, begins + TimeSpan.FromSeconds(10), 10, Strategy.All, Screening.None);
        for (var at = TimeSpan.FromSeconds(90); at < Longest; at += TimeSpan.FromSeconds(15))
            world.Scheduler.Schedule(begins + at, LeaveOneByOne);
    }

    /// <summary>The caller adds a participant with several candidates. Three of them answer within 50 ms.</summary>
    private void AddOneOf(Random dice, TimeSpan at, int count, Strategy strategy, Screening? screen)
    {
        var parties = PartiesOf(DrawCandidates(dice, count));
        var one = ParticipantId.TryParse("guest-one", out var id) ? id : throw new InvalidOperationException();
        Ask(at, new AddOneOf(Session, asker, one, parties, strategy, "interpreter")
        {
            Screen = screen,
            RingTime = TimeSpan.FromSeconds(dice.Next(10, 31)),
        });
        if (world.IsCrossing)
            return;
        if (dice.Next(8) == 0)
            Ask(at + TimeSpan.FromSeconds(answers), new RemoveParticipant(Session, asker, one));
        foreach (var phone in Candidates)
            world.Scheduler.Schedule(at + TimeSpan.FromSeconds(12 + (30 * dice.NextDouble())), () => Leave(phone, vanishes: false));
    }

    /// <summary>Draws the candidates. Three of them answer within 50 ms.</summary>
    private IReadOnlyList<Phone> DrawCandidates(Random dice, int count)
    {
        Candidates = [.. Enumerable.Range(0, count).Select(i => world.Cloud.Phone(
            dice.Next(2) == 0 ? $"+1555{Number:0000}2{i:00}" : $"client:candidate{Number}-{i}"))];
        answers = 0.5 + (8 * dice.NextDouble());
        foreach (var phone in Candidates)
        {
            phone.Behaviour = dice.Next(4) switch { 0 => PhoneBehaviour.Decline, 1 => PhoneBehaviour.LetRing, _ => PhoneBehaviour.Answer };
            phone.After = TimeSpan.FromSeconds(answers + 1 + (20 * dice.NextDouble()));
            phone.Key = world.IsCrossing || dice.Next(4) != 0 ? "1" : null;
        }

        foreach (var phone in Candidates.OrderBy(_ => dice.Next()).Take(3))
            (phone.Behaviour, phone.After) = (PhoneBehaviour.Answer, TimeSpan.FromSeconds(answers + (0.05 * dice.NextDouble())));
        return Candidates;
    }

    private static ImmutableArray<Party> PartiesOf(IReadOnlyList<Phone> phones) =>
    [
        .. phones.Select(phone => PhoneNumber.TryParse(phone.Address, out var number) ? new Party.Phone(number)
            : ClientIdentity.TryParseAddress(phone.Address, out var identity) ? new Party.Client(identity)
            : (Party)Party.Unknown.Instance),
    ];

    private void Place() => placed = Caller.PlaceCall(
        Group is not null ? Group.Address
            : Callee.Address.StartsWith('+') ? Callee.Address : Callee.Address["client:".Length..], new Parameters
        {
            { "SessionID", Session.Value },
        });

    /// <summary>The voice webhook is sent again after the call. If the call has been over for a while, its session is forgotten.</summary>
    private void Replay()
    {
        if (world.Redis.Sessions.FirstOrDefault(session => session.Id == Session) is not { IsEnded: true } ended
            || world.Cloud.Journal.OfType<WebhookSent>().FirstOrDefault(
                sent => sent.Webhook == WebhookKind.Voice && sent.Parameters["CallSid"] == placed?.Sid) is not { } voice)
            return;
        var isOver = ended is { AllHaveLeft: true, Effects.IsEmpty: true } && ended.TouchedAt < world.Scheduler.Now - Settled
            && !world.Cloud.LiveLegs().Any(
                leg => leg.Phone == Caller || leg.Phone == Callee || guests.Exists(guest => guest.Phone == leg.Phone)
                    || Candidates.Contains(leg.Phone));
        if (isOver)
            world.Redis.Forget(Session);
        world.Tally.Add(isOver ? Tally.ReplayedLate : Tally.Replayed);
        _ = world.Deployment.SendAsync(new WebhookRequest(
            voice.Webhook, voice.Method, voice.Url, voice.Parameters, new Dictionary<string, string>(), TimeSpan.FromSeconds(5)), default);
    }

    /// <summary>Adds a phone or an app user at a random time, or none.</summary>
    /// <returns>The number of people after that.</returns>
    private int Guest(TimeSpan begins)
    {
        if (chance.NextDouble() > 0.4)
            return 0;
        var isApp = (Number + guests.Count) % 3 == 0;
        var phone = world.Cloud.Phone(isApp ? $"client:guest{Number}-{guests.Count}" : $"+1555{Number:0000}1{guests.Count:00}");
        Behave(phone, chance.NextDouble());
        var id = ParticipantId.TryParse($"guest-{guests.Count}", out var parsed) ? parsed : throw new InvalidOperationException();
        var at = begins + Seconds(0.5, 30);
        guests.Add((phone, id, at + world.Cloud.Options.RingDelay + phone.After));
        Screening? screen = chance.Next(2) == 0 ? (Screening)chance.Next(3) : null;
        world.Scheduler.Schedule(at, () => Add(phone, id, screen));
        if (chance.NextDouble() < 0.15)
            Ask(at + Seconds(0, 20), new RemoveParticipant(Session, asker, id));
        return 1;
    }

    private void Add(Phone phone, ParticipantId id, Screening? screen = null)
    {
        if (phone.IsClient)
            world.Tally.Add(phone == Callee ? Tally.AddedAgain : Tally.AppAdded);
        Party party = PhoneNumber.TryParse(phone.Address, out var number) ? new Party.Phone(number)
            : new Party.Client(AskerOf(phone).Identity!);
        world.Deployment.Ask(new AddPhoneParticipant(Session, asker, id, party, null) { Screen = screen });
    }

    private void Behave(Phone phone, double dice)
    {
        phone.Behaviour = dice switch
        {
            < 0.1 when !phone.IsClient => PhoneBehaviour.Voicemail,
            < 0.13 when !phone.IsClient => PhoneBehaviour.Fax,
            < 0.23 when !phone.IsClient => PhoneBehaviour.Unrecognised,
            < 0.66 => PhoneBehaviour.Answer,
            < 0.78 => PhoneBehaviour.Decline,
            < 0.86 => PhoneBehaviour.LetRing,
            < 0.91 => PhoneBehaviour.Busy,
            < 0.96 => PhoneBehaviour.Unreachable,
            _ => PhoneBehaviour.Offline,
        };
        phone.After = chance.Next(5) switch { 0 => Seconds(0, 0.5), 1 => Seconds(25, 36), _ => Seconds(0.5, 10) };
        phone.Key = chance.Next(6) switch { 0 => null, 1 => "2", _ => "1" };
        phone.BeepAfter = Seconds(1, 20);
    }

    private void Leaves(Phone phone, TimeSpan at)
    {
        var vanishes = chance.Next(10) == 0;
        world.Scheduler.Schedule(at, () => Leave(phone, vanishes));
    }

    /// <summary>An app user on the line loses the connection or hangs up, and calls again with the same session id. Twilio notices the
    /// lost connection before or after that.</summary>
    private void DropsAndReturns(Phone phone, TimeSpan at)
    {
        var (vanishes, away) = (chance.Next(3) != 0, chance.Next(3) == 0 ? Seconds(5, 20) : Seconds(0.2, 4));
        world.Scheduler.Schedule(at, () =>
        {
            if (!phone.IsClient || phone.Current is not { State: LegState.InProgress, Participant.IsIn: true } leg)
                return;
            if (vanishes)
                phone.Drop();
            else
                phone.HangUp(leg);
            world.Scheduler.Schedule(away, () => CallAgain(phone, leg));
        });
    }

    private void CallAgain(Phone phone, Leg before)
    {
        if (phone.Current is not null
            || world.Redis.Sessions.FirstOrDefault(session => session.Id == Session) is not { IsEnded: false } live)
            return;
        if (live.Participants.Any(person => person.Reconnecting))
            world.Tally.Add(Tally.Reconnecting);
        world.Tally.Add(before.Ended ? Tally.CameBack : Tally.CameBackHeld);
        CallsAgain += phone == Caller ? 1 : 0;
        var other = phone == Caller ? Callee : Caller;
        phone.PlaceCall(other.IsClient ? other.Address["client:".Length..] : other.Address, new Parameters
        {
            { "SessionID", Session.Value },
        });
    }

    private void LeaveOneByOne()
    {
        var there = new[] { Caller, Callee }.Concat(guests.Select(guest => guest.Phone)).Concat(Candidates)
            .Where(phone => phone.Current is { State: LegState.InProgress } or { Inbound: true }).ToList();
        if (there.Count < 2)
            return;
        Leave(there[0], vanishes: false);
        world.Scheduler.Schedule(TimeSpan.FromSeconds(0.2 + chance.NextDouble()), LeaveOneByOne);
    }

    /// <summary>A person puts the others on hold a moment before leaving. Some of them are taken off hold before.</summary>
    private void Hold(Phone? holder, Asker by, TimeSpan leaves, TimeSpan begins)
    {
        if (holder is not null)
            holders.Add(holder);
        var people = guests.Select(guest => (guest.Phone, guest.Id)).Prepend((Callee, ParticipantId.Callee))
            .Prepend((Caller, ParticipantId.Caller));
        foreach (var (phone, id) in people.Where(person => person.Item1 != holder))
        {
            var at = leaves - Seconds(0.2, 6) is var soon && soon > begins ? soon : begins;
            if (chance.Next(4) != 0)
                world.Scheduler.Schedule(at, () =>
                {
                    IsHeldByOperator |= holder is null;
                    world.Deployment.Ask(new SetParticipantFlags(Session, by, id, null, Hold: true));
                });
            if (chance.Next(6) == 0)
                Ask(at + Seconds(0, 10), new SetParticipantFlags(Session, by, id, null, Hold: false));
        }
    }

    private static Asker AskerOf(Phone app) => ClientIdentity.TryParseAddress(app.Address, out var identity)
        ? new Asker(identity, IsOperator: false)
        : throw new InvalidOperationException();

    private void Leave(Phone phone, bool vanishes)
    {
        // The owner of a ringing phone does not stop it.
        if (phone.Current is not { } leg || (!leg.Inbound && leg.State != LegState.InProgress))
            return;
        if (holders.Contains(phone) && guests.Select(guest => guest.Phone).Append(Callee).Append(Caller)
            .Any(other => other != phone && other.IsOnHold))
            world.Tally.Add(Tally.HolderLeft);
        if (vanishes)
            phone.Drop();
        else
            phone.HangUp(leg);
    }

    private void Ask(TimeSpan at, ISessionCommand command) => world.Scheduler.Schedule(at, () =>
    {
        SomebodyIsSentAway |= command is EndCall or RemoveParticipant;
        world.Deployment.Ask(command);
    });

    private TimeSpan Seconds(double least, double most) => TimeSpan.FromSeconds(least + ((most - least) * chance.NextDouble()));
}
