using System.Buffers.Text;

namespace Calls.Api.Endpoints;

/// <summary>The query parameters of a list. A cursor is opaque to clients: it has the place where the previous page ended.</summary>
internal static class Paging
{
    public const string CursorMeaning = "The `next` of the previous page.";
    public const string LimitMeaning = "The maximum number of sessions on a page: 1 to 200. The default is 50.";
    public const int MaxLimit = 200;
    private const int DefaultLimit = 50, MaxCursor = 2 * SessionId.MaxLength;
    private static readonly CultureInfo Invariant = CultureInfo.InvariantCulture;

    public static ValidationProblem BadCursor => Problems.Field("cursor", "The cursor must be the next of a previous page.");
    public static ValidationProblem BadLimit => Problems.Field("limit", $"The limit must be a number from 1 to {MaxLimit}.");

    public static bool TryLimit(string? text, out int limit)
    {
        limit = DefaultLimit;
        return text is null || (int.TryParse(text, NumberStyles.None, Invariant, out limit) && limit is >= 1 and <= MaxLimit);
    }

    public static string Write(long number, SessionId? id) =>
        Base64Url.EncodeToString(Encoding.ASCII.GetBytes(FormattableString.Invariant($"{number} {id?.Value}")));

    /// <summary>The number and the id of a cursor. Null if the text is not a cursor.</summary>
    public static (long Number, SessionId Id)? Parse(string text)
    {
        if (text.Length > MaxCursor || !Base64Url.IsValid(text))
            return null;
        var parts = Encoding.ASCII.GetString(Base64Url.DecodeFromChars(text)).Split(' ');
        return parts is [var number, var id] && SessionId.TryParse(id, out var last)
            && long.TryParse(number, NumberStyles.None, Invariant, out var at) ? (at, last) : null;
    }
}
