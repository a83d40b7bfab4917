using System.Text;
using Microsoft.Extensions.Primitives;

namespace Calls.Api.Twilio;

/// <summary>The decoded fields of a webhook's body, as Twilio has signed them.</summary>
internal interface ISignedForm
{
    /// <summary>A field's value; null where it is missing, and where it came more than once: Twilio sends none twice. A key is found in any case.</summary>
    string? Single(string key);

    /// <summary>No fewer bytes than <see cref="Write"/> needs.</summary>
    int MaxLength { get; }

    /// <summary>Writes each key and its value in UTF-8, one after another, in ordinal order of the keys (twilio.com/docs/usage/security).</summary>
    /// <returns>How many bytes were written.</returns>
    int Write(Span<byte> to);
}

/// <summary>A form that ASP.NET Core has read: any there is, and none.</summary>
internal sealed class DecodedForm : ISignedForm
{
    public static readonly DecodedForm Empty = new(FormCollection.Empty);

    private readonly IFormCollection form;
    private readonly KeyValuePair<string, StringValues>[] sorted;

    public DecodedForm(IFormCollection form)
    {
        this.form = form;
        sorted = [.. form];
        Array.Sort(sorted, static (one, other) => string.CompareOrdinal(one.Key, other.Key));
        foreach (var (key, values) in sorted)
        {
            MaxLength += Encoding.UTF8.GetMaxByteCount(key.Length);
            foreach (var value in values)
                MaxLength += Encoding.UTF8.GetMaxByteCount(key.Length + (value?.Length ?? 0));
        }
    }

    public int MaxLength { get; }

    public string? Single(string key) => form[key] is [{ } value] ? value : null;

    /// <remarks>A key that occurs twice counts once for each different value.</remarks>
    public int Write(Span<byte> to)
    {
        var written = 0;
        foreach (var (key, values) in sorted)
        {
            if (values.Count <= 1)
                written += Write(key, values.ToString(), to[written..]);
            else
                foreach (var value in values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
                    written += Write(key, value, to[written..]);
        }

        return written;
    }

    private static int Write(string key, string? value, Span<byte> to)
    {
        var written = Encoding.UTF8.GetBytes(key, to);
        return written + Encoding.UTF8.GetBytes(value, to[written..]);
    }
}
