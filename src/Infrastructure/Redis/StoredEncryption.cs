using System.Security.Cryptography;
using System.Text;

namespace Calls.Infrastructure.Redis;

/// <summary>Encrypts the stored form of sessions with AES-GCM (<c>Calls:Encryption</c>). Without keys, it is stored as it is.</summary>
/// <remarks>The bytes are: 1, the length of the key's id, the id, the nonce (12), the tag (16), the encrypted form. The session id is
/// authenticated too, so an encrypted form cannot be moved to another session. A form that is not encrypted begins with a brace. It is
/// read with keys too.</remarks>
internal sealed class StoredEncryption
{
    public const string Section = "Calls:Encryption";
    private const byte Mark = 1;
    private const int KeyLength = 32, NonceLength = 12, TagLength = 16, LongestId = 32;
    private readonly Dictionary<string, byte[]> keys;
    private readonly string? current;

    public StoredEncryption(IConfiguration configuration) => (keys, current, _) = Read(configuration);

    /// <summary>The form as it is stored.</summary>
    public byte[] Protect(SessionId session, byte[] form)
    {
        if (current is null)
            return form;
        var id = Encoding.ASCII.GetBytes(current);
        var head = 2 + id.Length;
        var stored = new byte[head + NonceLength + TagLength + form.Length];
        (stored[0], stored[1]) = (Mark, (byte)id.Length);
        id.CopyTo(stored, 2);
        var nonce = stored.AsSpan(head, NonceLength);
        var tag = stored.AsSpan(head + NonceLength, TagLength);
        RandomNumberGenerator.Fill(nonce);
        using var cipher = new AesGcm(keys[current], TagLength);
        cipher.Encrypt(nonce, form, stored.AsSpan(head + NonceLength + TagLength), tag, Encoding.ASCII.GetBytes(session.Value));
        return stored;
    }

    /// <summary>The form in what is stored.</summary>
    /// <exception cref="UnreadableSessionException">It was encrypted with a key that is not configured, or it was changed.</exception>
    public ReadOnlyMemory<byte> Reveal(SessionId session, ReadOnlyMemory<byte> stored)
    {
        var bytes = stored.Span;
        if (bytes is not [Mark, var length, ..])
            return stored;
        try
        {
            var head = 2 + length;
            var id = Encoding.ASCII.GetString(bytes[2..head]);
            if (!keys.TryGetValue(id, out var key))
                throw new CryptographicException($"The key {id} is not in {Section}:Keys.");
            var nonce = bytes.Slice(head, NonceLength);
            var tag = bytes.Slice(head + NonceLength, TagLength);
            var encrypted = bytes[(head + NonceLength + TagLength)..];
            var form = new byte[encrypted.Length];
            using var cipher = new AesGcm(key, TagLength);
            cipher.Decrypt(nonce, encrypted, tag, form, Encoding.ASCII.GetBytes(session.Value));
            return form;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentOutOfRangeException)
        {
            throw new UnreadableSessionException(e);
        }
    }

    /// <summary>The keys by id, the id of the key that writes, and a sentence about each key of the configuration that cannot be used.
    /// </summary>
    private static (Dictionary<string, byte[]> Keys, string? Current, List<string> Failures) Read(IConfiguration configuration)
    {
        var section = configuration.GetSection(Section);
        var keys = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        List<string> failures = [];
        foreach (var key in section.GetSection("Keys").GetChildren())
        {
            var bytes = new byte[KeyLength + 3];
            if (key.Key.Length > LongestId || !key.Key.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
                failures.Add($"{key.Path}: the id of a key has at most {LongestId} letters, digits, hyphens and underscores.");
            else if (!Convert.TryFromBase64String(key.Value?.Trim() ?? "", bytes, out var length) || length != KeyLength)
                failures.Add($"{key.Path} must be base64 of {KeyLength} bytes.");
            else
                keys[key.Key] = bytes[..KeyLength];
        }

        var use = section["Use"]?.Trim();
        if (!string.IsNullOrEmpty(use) && section.GetSection("Keys").GetChildren().All(key => key.Key != use))
            failures.Add($"{Section}:Use is \"{use}\"; it must be the id of a key in {Section}:Keys.");
        return (keys, string.IsNullOrEmpty(use) ? keys.Keys.Max(StringComparer.Ordinal) : use, failures);
    }

    /// <summary>The options have no values of their own: the validator names the keys at the start.</summary>
    internal sealed class Options;

    internal sealed class Validator(IConfiguration configuration) : IValidateOptions<Options>
    {
        public ValidateOptionsResult Validate(string? name, Options options) => Read(configuration).Failures is { Count: > 0 } failures
            ? ValidateOptionsResult.Fail(failures) : ValidateOptionsResult.Success;
    }
}
