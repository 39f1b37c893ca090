public import Foundation

/// Times as text, in UTC (RFC 3339): with milliseconds where there are any.
public enum RFC3339 {
    /// Writes a time.
    public static func text(of date: Date) -> String {
        let milliseconds = (date.timeIntervalSince1970 * 1000).rounded()
        let isWhole = milliseconds.truncatingRemainder(dividingBy: 1000) == 0
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: !isWhole)
        // The style cuts off, and most milliseconds lie a little below themselves as binary fractions.
        return Date(timeIntervalSince1970: (milliseconds + 0.25) / 1000).formatted(style)
    }

    /// Reads a time; nil when it is not one.
    public static func date(from text: String) -> Date? {
        (try? Date.ISO8601FormatStyle().parse(text))
            ?? (try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text))
    }
}
