/// A path in a policy: literal segments, `*` for exactly one, and `**` at the end for all that is left, or for nothing.
public struct PathPattern: Sendable, Equatable, CustomStringConvertible {
    private enum Segment: Sendable, Equatable {
        case literal(String)
        case any
        case rest
    }

    private let segments: [Segment]
    /// The pattern as it was written.
    public let description: String

    /// Reads a pattern; nil unless it begins with a slash and has `**` at most as its last segment.
    ///
    /// Nil too for what no plain path could match: dot segments, empty segments but the last, a query, a fragment.
    public init?(_ text: String) {
        guard text.hasPrefix("/") else { return nil }
        var segments: [Segment] = []
        let parts = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            switch part {
            case "**":
                guard index == parts.count - 1 else { return nil }
                segments.append(.rest)
            case "*":
                segments.append(.any)
            default:
                guard !part.contains(where: { "*?#%\\".contains($0) }), part != ".", part != "..",
                    !part.isEmpty || index == parts.count - 1
                else { return nil }
                segments.append(.literal(String(part)))
            }
        }
        self.segments = segments
        description = text
    }

    /// Whether the decoded segments of a path fit.
    func matches(_ path: [String]) -> Bool {
        for (index, segment) in segments.enumerated() {
            switch segment {
            case .rest:
                return true
            case .any:
                guard index < path.count, !path[index].isEmpty else { return false }
            case .literal(let text):
                guard index < path.count, path[index] == text else { return false }
            }
        }
        return path.count == segments.count
    }
}
