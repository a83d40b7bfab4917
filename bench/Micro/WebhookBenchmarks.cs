using BenchmarkDotNet.Attributes;
using Calls.Application.Ports;
using Calls.Application.UseCases;
using Calls.Domain;
using MediatR;
using Microsoft.Extensions.DependencyInjection;

namespace Calls.Micro;

/// <summary>The steps of a conference webhook before its decision. The callee enters the room.</summary>
public class WebhookBenchmarks
{
    private IServiceProvider services = null!;
    private ConferenceWebhook webhook = null!;
    private ParticipantJoined joined = null!;

    [GlobalSetup]
    public async Task ComposeAsync()
    {
        var call = new MadeCall(1, new CallPolicy(), TimeProvider.System.GetUtcNow());
        var session = call.AtTheDoor().Session!;
        services = Service.Compose(new StoredSession(session.Id, session, 7, "k3vq7zj2mx5tw4ha"));
        webhook = new ConferenceWebhook(services, call, session.Room);
        var enters = call.Enters(ParticipantId.Callee, 1);
        joined = new ParticipantJoined(session.Id, enters.Conference, enters.Room, enters.Leg, enters.Label, enters.Flags);
        var (isSigned, form, status, reply) = (Signature(), await Form(), await Gate(), await Mediator());
        if (!isSigned || form is null || status != 204 || reply is not CallReply.Acknowledged)
            throw new InvalidOperationException(
                $"What is measured would be a refusal: signed {isSigned}, form {form}, status {status}, reply {reply}.");
    }

    [Benchmark(Description = "signature check, two tokens")]
    public bool Signature() => webhook.IsSigned();

    [Benchmark(Description = "form and signature, 15 fields")]
    public async Task<object?> Form()
    {
        await using var scope = services.CreateAsyncScope();
        return await webhook.ReadAsync(scope.ServiceProvider);
    }

    [Benchmark(Description = "the gate: form, signature, span, metrics")]
    public async Task<int> Gate()
    {
        await using var scope = services.CreateAsyncScope();
        return await webhook.EnterAsync(scope.ServiceProvider);
    }

    [Benchmark(Description = "mediator dispatch, load to save, in memory")]
    public async Task<object> Mediator()
    {
        await using var scope = services.CreateAsyncScope();
        return (await scope.ServiceProvider.GetRequiredService<ISender>().Send(joined)).Reply;
    }
}
