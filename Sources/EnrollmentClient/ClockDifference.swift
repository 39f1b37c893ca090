public import Foundation

/// How far this machine's clock is from a server's, for people.
public struct ClockDifference: Sendable, CustomStringConvertible {
    /// By how many seconds the local clock is ahead; negative when it is behind.
    public let seconds: Int

    /// Compares two readings of the same moment.
    public init(local: Date, server: Date) {
        seconds = Int(min(max(local.timeIntervalSince(server), -1e12), 1e12).rounded())
    }

    init(seconds: Int) {
        self.seconds = seconds
    }

    public var description: String {
        let size = abs(seconds)
        let minutes = (size + 30) / 60
        let text =
            switch size {
            case ..<120: "\(size) s"
            case ..<7200: "\(minutes) min"
            case ..<172_800: "\(minutes / 60) h \(minutes % 60) min"
            default: "\(size / 86_400) days"
            }
        return "\(text) \(seconds >= 0 ? "ahead" : "behind")"
    }
}
