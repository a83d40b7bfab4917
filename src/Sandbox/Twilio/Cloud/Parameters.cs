using System.Collections;
using System.Text;

namespace Calls.Sandbox.Twilio;

/// <summary>Form or query parameters in their order on the wire. A name may occur more than once.</summary>
public sealed class Parameters : IReadOnlyList<KeyValuePair<string, string>>
{
    public static readonly Parameters None = [];

    private readonly List<KeyValuePair<string, string>> _pairs = [];

    public int Count => _pairs.Count;

    public KeyValuePair<string, string> this[int index] => _pairs[index];

    /// <summary>The first value of that name; null if there is none.</summary>
    public string? this[string name]
    {
        get
        {
            foreach (var pair in _pairs)
            {
                if (pair.Key == name)
                {
                    return pair.Value;
                }
            }
            return null;
        }
    }

    /// <summary>Adds a parameter. A parameter with a null value is left out.</summary>
    public void Add(string name, string? value)
    {
        if (value is not null)
        {
            _pairs.Add(new(name, value));
        }
    }

    public void AddRange(IEnumerable<KeyValuePair<string, string>> pairs) => _pairs.AddRange(pairs);

    /// <summary>Replaces all values of that name by one value, at the position of the first.</summary>
    public void Set(string name, string value)
    {
        var at = _pairs.FindIndex(pair => pair.Key == name);
        _pairs.RemoveAll(pair => pair.Key == name);
        _pairs.Insert(at < 0 ? _pairs.Count : at, new(name, value));
    }

    public bool Has(string name) => this[name] is not null;

    /// <summary>All values of that name. A value with spaces counts as several values, because Twilio accepts both forms.</summary>
    public IReadOnlyList<string> List(string name) =>
        [.. _pairs.Where(pair => pair.Key == name).SelectMany(pair => pair.Value.Split(' ', StringSplitOptions.RemoveEmptyEntries))];

    /// <summary>The parameters as <c>application/x-www-form-urlencoded</c> text.</summary>
    public string ToForm()
    {
        var text = new StringBuilder();
        foreach (var (name, value) in _pairs)
        {
            text.Append(text.Length == 0 ? "" : "&").Append(Uri.EscapeDataString(name)).Append('=').Append(Uri.EscapeDataString(value));
        }
        return text.ToString();
    }

    /// <summary>Reads a query string or a form body.</summary>
    public static Parameters Parse(string form)
    {
        var parsed = new Parameters();
        foreach (var pair in form.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var at = pair.IndexOf('=', StringComparison.Ordinal);
            parsed.Add(Decode(at < 0 ? pair : pair[..at]), at < 0 ? "" : Decode(pair[(at + 1)..]));
        }
        return parsed;

        static string Decode(string text) => Uri.UnescapeDataString(text.Replace('+', ' '));
    }

    public IEnumerator<KeyValuePair<string, string>> GetEnumerator() => _pairs.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override string ToString() => string.Join(' ', _pairs.Select(pair => $"{pair.Key}={pair.Value}"));
}
