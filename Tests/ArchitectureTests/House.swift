/// The house: every target with what it may import.
///
/// This is the table of Documentation/Architecture.md as data, in the order of Package.swift: a target may import only
/// what stands above it. Change it together with the reason.
enum House {
    /// What a target is, by what it may do.
    enum Kind: Int, Comparable {
        /// Values and state machines: no I/O, no ambient time or randomness.
        case pure
        /// Wraps one outside library or the file system.
        case adapter
        /// Wires pure parts to adapters.
        case service
        /// The issuing side, a trust boundary of its own: pure and service parts that nobody else may import.
        case issuing
        /// Arguments, configuration, assembly.
        case command

        static func < (left: Kind, right: Kind) -> Bool { left.rawValue < right.rawValue }
    }

    /// How much of Foundation a target may import.
    enum Foundation {
        /// Nothing.
        case nothing
        /// Single types that outside signatures need, as in `import struct Foundation.Date`.
        case types
        /// All of it.
        case all
    }

    /// One target.
    struct Target: Sendable {
        var name: String
        var kind: Kind
        var folder: String
        var project: Set<String>
        var outside: Set<String>
        var foundation: Foundation

        init(
            _ name: String, _ kind: Kind, folder: String? = nil, _ project: Set<String> = [],
            outside: Set<String> = [], foundation: Foundation? = nil
        ) {
            self.name = name
            self.kind = kind
            self.folder = folder ?? "Sources/\(name)"
            self.project = project
            self.outside = outside
            self.foundation = foundation ?? (kind == .pure ? .nothing : .all)
        }
    }

    /// Modules of the toolchain that any target may import.
    static let toolchain: Set<String> = ["Synchronization"]

    /// The modules of the operating system, which only those may import that the table names.
    static let system: Set<String> = ["Glibc", "Darwin", "Dispatch"]

    static let targets: [Target] = [
        Target("RelayFormat", .pure),
        // The HPKE of the library speaks in Data.
        Target("RelaySealing", .pure, ["RelayFormat"], outside: ["Crypto"], foundation: .types),
        Target("RelayDelivery", .pure, ["RelayFormat"], outside: ["DequeModule", "HeapModule"]),
        // The system's clock is read in one place, `RelayClock.system`, and passed in everywhere.
        Target(
            "BrokerCore", .pure, ["RelayFormat"], outside: ["DequeModule", "HeapModule", "Glibc", "Darwin"]),
        Target("KafkaTopology", .pure, ["RelayFormat", "BrokerCore"]),
        Target("HTTPProblems", .pure),
        // The certificate library speaks in Dates.
        Target("MachineIdentity", .pure, outside: ["X509", "SwiftASN1", "Crypto"], foundation: .types),
        Target("AuditLog", .pure, outside: ["Crypto"]),
        Target("RequestLimits", .pure),
        // The enrollment API speaks JSON and RFC 3339.
        Target(
            "EnrollmentProtocol", .pure, ["KafkaTopology", "MachineIdentity", "AuditLog"], outside: ["Crypto"],
            foundation: .all),
        Target("DispatcherProtocol", .pure),
        Target("Diagnostics", .pure),

        // Where a test kills a process; empty in a release build.
        Target("Failpoints", .adapter, outside: ["Glibc", "Darwin"]),
        Target("StructuredLogging", .adapter, outside: ["Logging"]),
        Target(
            "MetricsExport", .adapter, outside: ["Metrics", "Hummingbird", "HTTPTypes", "ServiceLifecycle", "Logging"]),
        Target("DurableFiles", .adapter, outside: ["GRDB", "Logging", "Dispatch", "Glibc", "Darwin"]),
        Target("AuditStore", .adapter, ["AuditLog", "DurableFiles"], outside: ["GRDB", "Logging"]),
        Target(
            "SQLiteBroker", .adapter, ["Failpoints", "DurableFiles", "RelayFormat", "BrokerCore"],
            outside: ["GRDB", "Logging"]),
        Target("ForwardProxy", .adapter, outside: ["NIOCore", "NIOPosix", "NIOHTTP1", "NIOExtras"]),
        Target(
            "BrokerLink", .adapter, ["RelayFormat", "BrokerCore", "ForwardProxy"],
            outside: [
                "NIOCore", "NIOPosix", "NIOHTTP1", "NIOWebSocket", "NIOSSL", "DequeModule", "Logging", "Glibc",
                "Darwin",
            ]),
        Target(
            "KafkaBroker", .adapter, ["RelayFormat", "BrokerCore", "KafkaTopology"],
            outside: ["CRDKafka", "DequeModule", "Logging", "Glibc", "Dispatch"]),
        Target("KafkaProxy", .adapter, ["ForwardProxy"], outside: ["NIOCore", "NIOPosix", "Logging"]),
        Target(
            "RequestLedger", .adapter, ["Failpoints", "DurableFiles", "RelayFormat", "RelayDelivery"],
            outside: ["GRDB", "Logging", "Glibc", "Darwin"]),
        Target(
            "TenantPort", .adapter, ["HTTPProblems"],
            outside: [
                "Hummingbird", "HummingbirdCore", "HTTPTypes", "NIOCore", "NIOHTTP1", "NIOWebSocket", "NIOSSL",
                "NIOHTTPTypes", "NIOHTTPTypesHTTP1", "ServiceLifecycle", "Logging",
            ]),
        // Modules are loaded by path: CPKCS11 is a header, and the system's library has dlopen.
        Target(
            "TokenKeys", .adapter, ["MachineIdentity"], outside: ["CPKCS11", "Crypto", "Dispatch", "Glibc", "Darwin"]),
        Target(
            "IdentityStore", .adapter,
            ["Failpoints", "RelayFormat", "RelaySealing", "MachineIdentity", "EnrollmentProtocol"],
            outside: ["Crypto"]),
        Target(
            "EnrollmentClient", .adapter,
            [
                "Failpoints", "RelayFormat", "RelaySealing", "HTTPProblems", "MachineIdentity", "EnrollmentProtocol",
                "IdentityStore",
            ],
            outside: [
                "AsyncHTTPClient", "NIOCore", "NIOPosix", "NIOHTTP1", "NIOSSL", "NIOExtras", "X509", "SwiftASN1",
                "Crypto", "Logging",
            ]),
        Target(
            "ConnectorServices", .adapter, ["RelayFormat"],
            outside: ["AsyncHTTPClient", "NIOCore", "NIOPosix", "NIOHTTP1", "NIOSSL", "NIOTLS"]),

        // These two know the broker's contract and no broker.
        Target(
            "RelayKeys", .service, ["RelayFormat", "RelaySealing", "BrokerCore"],
            outside: ["Crypto", "Logging", "Metrics"]),
        Target(
            "Connector", .service,
            ["RelayFormat", "RelaySealing", "RelayDelivery", "BrokerCore", "ConnectorServices", "RelayKeys"],
            outside: [
                "Hummingbird", "AsyncHTTPClient", "HTTPTypes", "ServiceLifecycle", "Logging", "Metrics", "NIOCore",
                "NIOHTTP1", "Yams",
            ]),
        Target(
            "Dispatcher", .service,
            [
                "RelayFormat", "RelaySealing", "RelayDelivery", "BrokerCore", "RelayKeys", "HTTPProblems", "AuditLog",
                "DispatcherProtocol",
                "AuditStore", "TenantPort",
            ],
            outside: [
                "AsyncHTTPClient", "Hummingbird", "HTTPTypes", "ServiceLifecycle", "Logging", "Metrics", "NIOCore",
                "NIOHTTP1", "NIOPosix", "NIOSSL", "Crypto",
            ]),

        Target(
            "CertificateAuthority", .issuing, folder: "enrollment/Sources/CertificateAuthority", ["MachineIdentity"],
            outside: ["X509", "SwiftASN1", "Crypto"]),
        Target(
            "KeyAuthority", .issuing, folder: "enrollment/Sources/KeyAuthority",
            ["RelayFormat", "RelaySealing", "MachineIdentity"],
            outside: ["Crypto"]),
        Target(
            "EnrollmentService", .issuing, folder: "enrollment/Sources/EnrollmentService",
            [
                "RelayFormat", "RelaySealing", "KafkaTopology", "CertificateAuthority", "KeyAuthority",
                "MachineIdentity", "AuditLog", "RequestLimits", "EnrollmentProtocol",
                "HTTPProblems", "Failpoints", "DurableFiles", "AuditStore", "IdentityStore", "TenantPort",
            ],
            outside: [
                "Hummingbird", "HTTPTypes", "GRDB", "JWTKit", "X509", "SwiftASN1", "Crypto", "Logging", "Metrics",
                "NIOCore", "ServiceLifecycle",
            ]),
        Target(
            "RemoteKeyAuthority", .issuing, folder: "enrollment/Sources/RemoteKeyAuthority",
            [
                "RelayFormat", "RelaySealing", "KeyAuthority", "MachineIdentity", "HTTPProblems", "EnrollmentProtocol",
                "IdentityStore", "EnrollmentClient",
            ],
            outside: ["Crypto", "Logging"]),

        Target(
            "postern", .command,
            [
                "RelayFormat", "BrokerCore", "KafkaTopology", "ForwardProxy", "BrokerLink", "KafkaBroker",
                "KafkaProxy", "RequestLedger", "HTTPProblems", "MachineIdentity", "AuditLog", "EnrollmentProtocol",
                "DurableFiles",
                "AuditStore",
                "IdentityStore", "EnrollmentClient",
                "StructuredLogging", "MetricsExport", "ConnectorServices", "RelaySealing", "RelayKeys", "Connector",
                "Diagnostics", "TokenKeys",
            ],
            outside: [
                "AsyncHTTPClient", "ArgumentParser", "ServiceLifecycle", "UnixSignals", "Logging", "Metrics",
                "NIOPosix",
                "NIOSSL", "Crypto",
            ]),
        Target(
            "postern-tenant", .command,
            [
                "RelayFormat", "RelaySealing", "RelayDelivery", "BrokerCore", "KafkaTopology", "SQLiteBroker",
                "BrokerLink", "KafkaBroker",
                "RequestLedger", "TenantPort", "MachineIdentity", "AuditLog", "RequestLimits", "EnrollmentProtocol",
                "AuditStore", "IdentityStore", "StructuredLogging", "MetricsExport", "RelayKeys", "Dispatcher",
                "CertificateAuthority", "EnrollmentService", "RemoteKeyAuthority",
            ],
            outside: [
                "ArgumentParser", "ServiceLifecycle", "UnixSignals", "Logging", "Metrics", "Hummingbird", "NIOSSL",
                "NIOCore", "Crypto",
            ]),
        Target(
            "posternctl", .command,
            [
                "RelayFormat", "HTTPProblems", "AuditLog", "EnrollmentProtocol", "DispatcherProtocol",
                "EnrollmentClient", "MachineIdentity",
            ],
            outside: ["ArgumentParser", "Logging"]),
        Target(
            "relay-benchmark", .command, folder: "ops/benchmark",
            [
                "RelayFormat", "RelaySealing", "BrokerCore", "RelayDelivery", "KafkaTopology", "KafkaBroker",
                "SQLiteBroker",
                "BrokerLink", "RequestLedger",
                "TenantPort",
                "ConnectorServices", "RelayKeys", "Connector", "Dispatcher",
            ],
            // A floor in clear, and epochs without a tenant, are what tests have.
            outside: [
                "CRDKafka", "PlainRelay", "SealedRelay", "ArgumentParser", "Logging", "NIOCore", "NIOPosix", "NIOSSL",
                "X509",
                "SwiftASN1", "Crypto",
            ]),
    ]
}
