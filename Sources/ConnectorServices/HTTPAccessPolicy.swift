public import RelayFormat

/// Which methods and paths of an HTTP service the tenant may use; what no rule allows is denied.
public struct HTTPAccessPolicy: Sendable, Equatable {
    /// One permission.
    public struct Rule: Sendable, Equatable {
        /// The methods; "*" stands for all.
        public var methods: Set<String>
        /// The paths; each pattern is literal but for `*` (one segment) and a final `**` (all that is left).
        public var paths: [PathPattern]

        /// Makes a permission.
        public init(methods: Set<String>, paths: [PathPattern]) {
            self.methods = methods
            self.paths = paths
        }
    }

    /// The permissions, any one of which is enough.
    public var rules: [Rule]

    /// Makes a policy.
    public init(rules: [Rule]) {
        self.rules = rules
    }

    /// Judges a request.
    ///
    /// - Throws: `deniedByPolicy` for a path whose meaning could differ between this policy and the service, and for
    ///   one that no rule allows.
    public func authorize(method: String, target: String) throws(RequestFailure) {
        let path = target.prefix { $0 != "?" && $0 != "#" }
        guard !target.contains("#"), let segments = Self.plainSegments(of: path) else {
            throw RequestFailure(
                .deniedByPolicy,
                "the path is ambiguous: dot segments, backslashes, empty segments and encoded"
                    + " separators are refused")
        }
        guard method != "CONNECT" else {
            throw RequestFailure(.deniedByPolicy, "CONNECT asks for a tunnel, not for something of the service")
        }
        let isAllowed = rules.contains { rule in
            (rule.methods.contains("*") || rule.methods.contains(method))
                && rule.paths.contains { $0.matches(segments) }
        }
        guard isAllowed else {
            throw RequestFailure(.deniedByPolicy, "the connector's configuration does not allow \(method) \(path)")
        }
    }

    /// Splits a path into its decoded segments; nil when a server might read it differently.
    static func plainSegments(of path: Substring) -> [String]? {
        guard path.hasPrefix("/"), path.utf8.count <= RelayLimits.requestTarget else { return nil }
        let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        var segments: [String] = []
        for (index, part) in parts.enumerated() {
            guard let segment = percentDecoded(part), !segment.contains("/"), !segment.contains("\\"),
                segment != ".", segment != "..", !segment.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f })
            else { return nil }
            // A matrix parameter may hide a dot segment from us ("..;x").
            guard !segment.hasPrefix("..;"), !segment.hasPrefix(".;") else { return nil }
            // Only a trailing slash may leave a segment empty.
            guard !segment.isEmpty || index == parts.count - 1 else { return nil }
            segments.append(segment)
        }
        return segments
    }

    private static func percentDecoded(_ text: Substring) -> String? {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = rest.prefix(2)
            guard digits.count == 2, digits.allSatisfy(\.isHexadecimalDigit),
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            else { return nil }
            rest = rest.dropFirst(2)
            // An encoded percent sign may be decoded a second time behind us.
            guard value != UInt8(ascii: "%"), value != 0 else { return nil }
            bytes.append(value)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
