internal import Foundation

/// A real Kafka with rules of access, as `POSTERN_TEST_KAFKA_SASL` names it; tests that need it are skipped without.
///
/// The variable holds `host:port`, `ca` (a file), `user` and `password` of an administrator by SCRAM-SHA-512 and those of a
/// stranger to all rules: `host:port;ca=FILE;user=NAME;password=SECRET;other=NAME;other-password=SECRET`.
///
/// For tests of tokens and certificates also `oauth=host:port;oauth-key=FILE;oauth-kid=ID;issuer=TEXT;audience=TEXT`, a
/// P-256 key in whose tokens the cluster believes, and `mtls=host:port;client-ca=FILE;client-ca-key=FILE`, an authority
/// whose certificates it takes, with their common names as principals.
public struct SecureKafka: Sendable {
    /// Where it is reached with passwords.
    public let bootstrap: String
    /// What else the variable says.
    public let values: [String: String]

    /// The cluster; nil where the variable is not set.
    public static let given: SecureKafka? = ProcessInfo.processInfo.environment["POSTERN_TEST_KAFKA_SASL"]
        .flatMap { SecureKafka($0) }

    /// What to say of a test that is skipped.
    public static let note = "set POSTERN_TEST_KAFKA_SASL to test against a real Kafka with rules of access"

    /// Whether tests can make tokens and certificates for it.
    public static var canProve: Bool { given.map { $0.values["oauth"] != nil && $0.values["mtls"] != nil } ?? false }

    /// What to say of those that are skipped.
    public static let proofNote =
        "set POSTERN_TEST_KAFKA_SASL, with oauth and mtls in it, to test tokens and certificates on a real Kafka"

    /// The variable lacks something.
    public struct Missing: Error {
        /// What.
        public let name: String
    }

    /// What the variable says under a name.
    public func value(_ name: String) throws -> String {
        guard let value = values[name] else { throw Missing(name: name) }
        return value
    }

    private init?(_ text: String) {
        let parts = text.split(separator: ";").map(String.init)
        guard let first = parts.first else { return nil }
        bootstrap = first
        values = Dictionary(
            parts.dropFirst().compactMap { part in
                part.firstIndex(of: "=").map { (String(part[..<$0]), String(part[part.index(after: $0)...])) }
            }, uniquingKeysWith: { $1 })
    }
}
