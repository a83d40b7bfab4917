using System.Reflection;
using System.Runtime.CompilerServices;
using Calls.Application;
using Calls.Application.Effects;
using Calls.Application.Ports;
using Calls.Application.UseCases;
using Calls.Domain;
using MediatR;
using Microsoft.Extensions.DependencyInjection;
using NetArchTest.Rules;

namespace Calls.Architecture.Tests;

/// <summary>Dependencies point inwards, and no handler depends on Twilio.</summary>
public sealed class DependencyTests
{
    private static readonly Assembly Domain = typeof(CallSession).Assembly;
    private static readonly Assembly Application = typeof(Asker).Assembly;
    private static readonly Assembly Infrastructure = typeof(Calls.Infrastructure.Twilio.CallbackUrls).Assembly;
    private static readonly Assembly Api = typeof(Calls.Api.CallsService).Assembly;
    private static readonly Assembly Sandbox = typeof(Calls.Sandbox.Redis.EmbeddedRedis).Assembly;

    [Fact]
    public void Domain_references_nothing_but_the_framework() =>
        Domain.GetReferencedAssemblies().Select(a => a.Name!)
            .ShouldAllBe(name => name.StartsWith("System", StringComparison.Ordinal) || name == "netstandard");

    [Fact]
    public void Domain_has_no_packages()
    {
        var project = File.ReadAllText(Path.Combine(Root(), "src/Domain/Domain.csproj"));
        project.ShouldNotContain("PackageReference");
        project.ShouldNotContain("ProjectReference");
    }

    [Fact]
    public void No_part_knows_an_outer_one()
    {
        References(Domain, Application, Infrastructure, Api, Sandbox).ShouldBeEmpty();
        References(Application, Infrastructure, Api, Sandbox).ShouldBeEmpty();
        References(Infrastructure, Api, Sandbox).ShouldBeEmpty();
        References(Api, Sandbox).ShouldBeEmpty();
    }

    [Fact]
    public void Application_knows_neither_Redis_nor_HTTP_nor_a_resilience_library() =>
        Application.GetReferencedAssemblies().Select(a => a.Name!)
            .Where(name => name.StartsWith("StackExchange", StringComparison.Ordinal) || name.StartsWith("Polly", StringComparison.Ordinal)
                || name.StartsWith("Twilio", StringComparison.Ordinal) || name.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal)
                    || name == "System.Net.Http")
            .ShouldBeEmpty();

    [Fact]
    public void Api_does_not_use_the_Redis_client() =>
        Api.GetReferencedAssemblies().Select(a => a.Name!)
            .ShouldNotContain(name => name.StartsWith("StackExchange", StringComparison.Ordinal));

    [Fact]
    public void Handlers_cannot_see_the_voice_gateway()
    {
        var handlers = Application.GetTypes().Where(IsHandler).ToList();
        handlers.Count.ShouldBeGreaterThan(4, "the rule must have something to look at");
        var offenders = handlers.Where(handler => handler.GetConstructors().SelectMany(c => c.GetParameters())
            .Any(p => p.ParameterType == typeof(IVoiceGateway) || p.ParameterType == typeof(EffectExecutor)
                || p.ParameterType == typeof(IServiceProvider)));
        offenders.ShouldBeEmpty();
        Types.InAssembly(Application).That().HaveNameEndingWith("Handler", StringComparison.Ordinal).ShouldNot()
            .HaveDependencyOn(typeof(IVoiceGateway).FullName).GetResult().IsSuccessful.ShouldBeTrue();
    }

    [Fact]
    public void Every_message_has_one_handler()
    {
        var services = new ServiceCollection().AddCallsApplication();
        var messages = Application.GetTypes()
            .Where(type => type is { IsAbstract: false, IsInterface: false } && typeof(IBaseRequest).IsAssignableFrom(type)).ToList();
        messages.Count.ShouldBeGreaterThan(15, "the rule must have something to look at");
        foreach (var message in messages)
            services.Count(service => HandlesExactly(service.ServiceType, message)).ShouldBe(1, message.Name);
    }

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        var solution = File.ReadAllText(Path.Combine(Root(), "Calls.sln"));
        foreach (var folder in new[] { "src", "tests", "build" })
            foreach (var project in Directory.EnumerateFiles(Path.Combine(Root(), folder), "*.csproj", SearchOption.AllDirectories))
                solution.ShouldContain(Path.GetFileName(project));
    }

    private static IEnumerable<string> References(Assembly inner, params Assembly[] outer) =>
        inner.GetReferencedAssemblies().Select(a => a.Name!).Intersect(outer.Select(a => a.GetName().Name!));

    private static bool HandlesExactly(Type service, Type message) =>
        service.IsGenericType && service.GetGenericTypeDefinition() == typeof(IRequestHandler<,>)
            && service.GenericTypeArguments[0] == message;

    private static bool IsHandler(Type type) =>
        !type.IsAbstract && type.GetInterfaces().Any(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IRequestHandler<,>));

    internal static string Root([CallerFilePath] string path = "")
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Calls.sln")))
                return folder.FullName;
        return Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, "../.."));
    }
}
