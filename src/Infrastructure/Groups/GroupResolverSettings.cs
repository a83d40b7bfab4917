namespace Calls.Infrastructure.Groups;

/// <summary>How the group resolver is asked.</summary>
/// <param name="Url">The address. Null: there is no resolver.</param>
/// <param name="Secret">The bytes of the secret that signs the request.</param>
/// <param name="AllowPrivateAddresses">Whether the resolver may have a private address.</param>
public sealed record GroupResolverSettings(Uri? Url, byte[] Secret, bool AllowPrivateAddresses)
{
    /// <summary>The time limit of a question, with its repetitions. A person waits for the answer.</summary>
    public TimeSpan TimeLimit { get; init; } = TimeSpan.FromSeconds(5);
}
