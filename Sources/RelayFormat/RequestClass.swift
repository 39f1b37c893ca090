/// The side-effect class that every request declares: what may be done when its connector is lost.
public enum RequestClass: UInt8, Sendable, CaseIterable, Comparable, CustomStringConvertible {
    /// May run any number of times.
    case safe = 1
    /// May run again under the same idempotency key, which is handed on to the service.
    case keyed = 2
    /// Must never run a second time.
    case once = 3

    /// Orders classes by how much they allow: what comes later is stricter.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    public var description: String {
        switch self {
        case .safe: "safe"
        case .keyed: "keyed"
        case .once: "once"
        }
    }

    /// Reads the name used in configuration and headers.
    public init?(name: some StringProtocol) {
        switch name {
        case "safe": self = .safe
        case "keyed": self = .keyed
        case "once": self = .once
        default: return nil
        }
    }

    /// The class of an HTTP method where nothing else is said (RFC 9110 section 9.2).
    public static func standard(forHTTPMethod method: some StringProtocol) -> RequestClass {
        switch method {
        case "GET", "HEAD", "OPTIONS": .safe
        case "PUT", "DELETE": .keyed
        default: .once
        }
    }
}
