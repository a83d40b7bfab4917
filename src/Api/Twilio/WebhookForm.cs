using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;

namespace Calls.Api.Twilio;

/// <summary>A webhook's body as it mostly is: some twenty fields with ASCII names, none twice. Its bytes are decoded once, into a pooled buffer, and signed as they lie there; what is never
/// asked for never becomes a string. Whatever is unusual about a body is left to ASP.NET Core to read.</summary>
/// <remarks>What it saves, bench/Micro prints ("form and signature"). To be disposed when the answer is known: the buffer goes back.</remarks>
internal sealed class WebhookForm : ISignedForm, IDisposable
{
    private const string ContentType = "application/x-www-form-urlencoded";
    private const string Charset = "; charset=utf-8";
    private const int MaxFields = 64;
    private const int MaxKey = 64;
    private const int MaxValue = 1024;

    private readonly Field[] fields;
    private readonly int count;
    private byte[]? text;

    private WebhookForm(byte[] text, Field[] fields, int count) => (this.text, this.fields, this.count) = (text, fields, count);

    public int MaxLength { get; private init; }

    /// <summary>Whether a body of this type may be read here.</summary>
    public static bool Is(string? contentType) => contentType is not null && contentType.StartsWith(ContentType, StringComparison.OrdinalIgnoreCase)
        && (contentType.Length == ContentType.Length || contentType.AsSpan(ContentType.Length).Equals(Charset, StringComparison.OrdinalIgnoreCase));

    /// <summary>Reads a body to its end.</summary>
    /// <returns>Null where it is unusual: then nothing of it has been consumed.</returns>
    /// <exception cref="IOException">It is longer than it may be, or was cut off.</exception>
    public static async ValueTask<WebhookForm?> ReadAsync(PipeReader body)
    {
        while (true)
        {
            var read = await body.ReadAsync(CancellationToken.None);
            if (read.IsCompleted)
            {
                var form = read.Buffer.IsSingleSegment ? Parse(read.Buffer.FirstSpan) : Parse(read.Buffer.ToArray());
                body.AdvanceTo(form is null ? read.Buffer.Start : read.Buffer.End);
                return form;
            }

            body.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    /// <summary>Decodes a body.</summary>
    /// <returns>Null where it is unusual.</returns>
    internal static WebhookForm? Parse(ReadOnlySpan<byte> body)
    {
        var text = ArrayPool<byte>.Shared.Rent(body.Length);
        var fields = ArrayPool<Field>.Shared.Rent(MaxFields);
        if (Decode(body, text, fields) is ({ } count, { } length))
        {
            return new WebhookForm(text, fields, count) { MaxLength = length };
        }

        ArrayPool<byte>.Shared.Return(text);
        ArrayPool<Field>.Shared.Return(fields);
        return null;
    }

    public string? Single(string key)
    {
        var bytes = text ?? throw new ObjectDisposedException(nameof(WebhookForm));
        foreach (var field in fields.AsSpan(0, count))
        {
            if (Ascii.EqualsIgnoreCase(field.Key(bytes), key))
                return Encoding.UTF8.GetString(field.Value(bytes));
        }

        return null;
    }

    public int Write(Span<byte> to)
    {
        var written = 0;
        foreach (var field in fields.AsSpan(0, count))
        {
            var pair = field.Pair(text);
            pair.CopyTo(to[written..]);
            written += pair.Length;
        }

        return written;
    }

    public void Dispose()
    {
        if (text is null)
            return;
        ArrayPool<byte>.Shared.Return(text);
        ArrayPool<Field>.Shared.Return(fields);
        text = null;
    }

    private static (int Count, int Length)? Decode(ReadOnlySpan<byte> body, byte[] text, Field[] fields)
    {
        var (count, length) = (0, 0);
        while (!body.IsEmpty)
        {
            var end = body.IndexOf((byte)'&');
            var pair = end < 0 ? body : body[..end];
            body = end < 0 ? default : body[(end + 1)..];
            var equals = pair.IndexOf((byte)'=');
            if (equals is <= 0 or > MaxKey || pair.Length - equals > MaxValue || count == MaxFields)
                return null;
            var key = length;
            if (!Unescape(pair[..equals], text, ref length) || !Ascii.IsValid(text.AsSpan(key, length - key)))
                return null;
            var value = length;
            if (!Unescape(pair[(equals + 1)..], text, ref length) || !Utf8.IsValid(text.AsSpan(value, length - value)))
                return null;
            var field = new Field(key, value, length);
            foreach (var other in fields.AsSpan(0, count))
            {
                if (Ascii.EqualsIgnoreCase(other.Key(text), field.Key(text)))
                    return null;
            }

            // They mostly come in order, or nearly.
            var place = count++;
            for (; place > 0 && field.Key(text).SequenceCompareTo(fields[place - 1].Key(text)) < 0; place--)
                fields[place] = fields[place - 1];
            fields[place] = field;
        }

        return (count, length);
    }

    /// <summary>Decodes a key or a value; false where it is not made of ASCII and of whole escapes, or holds a NUL.</summary>
    private static bool Unescape(ReadOnlySpan<byte> escaped, byte[] text, ref int length)
    {
        while (!escaped.IsEmpty)
        {
            var plain = escaped.IndexOfAny((byte)'%', (byte)'+');
            var run = plain < 0 ? escaped : escaped[..plain];
            if (!Ascii.IsValid(run))
                return false;
            run.CopyTo(text.AsSpan(length));
            length += run.Length;
            escaped = escaped[run.Length..];
            if (escaped.IsEmpty)
                return true;
            if (escaped[0] == '+')
            {
                text[length++] = (byte)' ';
                escaped = escaped[1..];
            }
            else if (escaped.Length >= 3 && Convert.FromHexString(escaped.Slice(1, 2), text.AsSpan(length, 1), out _, out _) == OperationStatus.Done && text[length] != 0)
            {
                length++;
                escaped = escaped[3..];
            }
            else
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Where a field lies: its key, and its value right behind it.</summary>
    [StructLayout(LayoutKind.Auto)]
    private readonly struct Field(int key, int value, int end)
    {
        public ReadOnlySpan<byte> Key(byte[]? text) => text.AsSpan(key, value - key);

        public ReadOnlySpan<byte> Value(byte[]? text) => text.AsSpan(value, end - value);

        public ReadOnlySpan<byte> Pair(byte[]? text) => text.AsSpan(key, end - key);
    }
}
