// swift-tools-version: 6.2
import PackageDescription

// Targets stand in the order in which they may import one another: a target imports only what stands above it.
// Tests/ArchitectureTests reads every import line and holds the sources to this order.

let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdTesting = Target.Dependency.product(name: "HummingbirdTesting", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let jwt = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let nio = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioWebSocket = Target.Dependency.product(name: "NIOWebSocket", package: "swift-nio")
let nioConcurrencyHelpers = Target.Dependency.product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioHTTPTypesHTTP1 = Target.Dependency.product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
/// The C types of PKCS#11; nothing is linked, modules are loaded when they are used.
let pkcs11 = Target.Dependency.byName(name: "CPKCS11")
/// Debian's librdkafka.
let rdkafka = Target.Dependency.byName(name: "CRDKafka")
let nioExtras = Target.Dependency.product(name: "NIOExtras", package: "swift-nio-extras")

let package = Package(
    name: "postern",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "postern", targets: ["postern"]),
        .executable(name: "postern-tenant", targets: ["postern-tenant"]),
        .executable(name: "posternctl", targets: ["posternctl"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        // Pure: values and state machines.
        .target(name: "RelayFormat"),
        .target(name: "RelaySealing", dependencies: ["RelayFormat", crypto]),
        .target(name: "RelayDelivery", dependencies: ["RelayFormat", heap]),
        .target(name: "BrokerCore", dependencies: ["RelayFormat", deque, heap]),
        .target(name: "KafkaTopology", dependencies: ["RelayFormat", "BrokerCore"]),
        .target(name: "HTTPProblems"),
        .target(name: "MachineIdentity", dependencies: [x509, asn1, crypto]),
        .target(name: "AuditLog", dependencies: [crypto]),
        .target(name: "RequestLimits"),
        .target(name: "EnrollmentProtocol", dependencies: ["KafkaTopology", "MachineIdentity", "AuditLog", crypto]),
        .target(name: "DispatcherProtocol"),
        .target(name: "Diagnostics"),

        // Adapters: one outside library each.
        .target(name: "Failpoints"),
        .target(name: "StructuredLogging", dependencies: [logging]),
        .target(name: "MetricsExport", dependencies: [metrics, hummingbird, httpTypes, lifecycle, logging]),
        .target(name: "DurableFiles", dependencies: [grdb, logging]),
        .target(name: "AuditStore", dependencies: ["AuditLog", "DurableFiles", grdb, logging]),
        .target(
            name: "SQLiteBroker",
            dependencies: ["Failpoints", "DurableFiles", "RelayFormat", "BrokerCore", grdb, logging]),
        .target(name: "ForwardProxy", dependencies: [nio, nioPosix, nioHTTP1, nioExtras]),
        .target(
            name: "BrokerLink",
            dependencies: [
                "RelayFormat", "BrokerCore", "ForwardProxy", nio, nioPosix, nioHTTP1, nioWebSocket, nioSSL, deque,
                logging,
            ]),
        .systemLibrary(
            name: "CRDKafka", path: "Sources/KafkaBroker/CRDKafka", pkgConfig: "rdkafka",
            providers: [.apt(["librdkafka-dev"])]),
        .target(
            name: "KafkaBroker", dependencies: ["RelayFormat", "BrokerCore", "KafkaTopology", rdkafka, deque, logging],
            exclude: ["CRDKafka"]),
        .target(name: "KafkaProxy", dependencies: ["ForwardProxy", nio, nioPosix, logging]),
        .target(
            name: "RequestLedger",
            dependencies: ["Failpoints", "DurableFiles", "RelayFormat", "RelayDelivery", grdb, logging]),
        .target(
            name: "TenantPort",
            dependencies: [
                "HTTPProblems", hummingbird, hummingbirdCore, httpTypes, nio, nioHTTP1, nioWebSocket, nioSSL,
                nioHTTPTypes, nioHTTPTypesHTTP1, lifecycle, logging,
            ]),
        .systemLibrary(name: "CPKCS11", path: "Sources/TokenKeys/CPKCS11"),
        .target(
            name: "TokenKeys", dependencies: ["MachineIdentity", pkcs11, crypto], exclude: ["CPKCS11"]),
        .target(
            name: "IdentityStore",
            dependencies: [
                "Failpoints", "RelayFormat", "RelaySealing", "MachineIdentity", "EnrollmentProtocol", crypto,
            ]),
        .target(
            name: "EnrollmentClient",
            dependencies: [
                "Failpoints", "RelayFormat", "RelaySealing", "HTTPProblems", "MachineIdentity", "EnrollmentProtocol",
                "IdentityStore", asyncHTTPClient, nio, nioPosix, nioHTTP1, nioSSL, nioExtras, x509, asn1, crypto,
                logging,
            ]),
        .target(
            name: "ConnectorServices",
            dependencies: ["RelayFormat", asyncHTTPClient, nio, nioPosix, nioHTTP1, nioSSL, nioTLS]),

        // Services: pure parts wired to adapters.
        .target(
            name: "RelayKeys", dependencies: ["RelayFormat", "RelaySealing", "BrokerCore", crypto, logging, metrics]),
        .target(
            name: "Connector",
            dependencies: [
                "RelayFormat", "RelaySealing", "RelayDelivery", "BrokerCore", "ConnectorServices", "RelayKeys",
                hummingbird, asyncHTTPClient,
                httpTypes, lifecycle, logging, metrics, nio, nioHTTP1,
                yams,
            ]),
        .target(
            name: "Dispatcher",
            dependencies: [
                "RelayFormat", "RelaySealing", "RelayDelivery", "BrokerCore", "RelayKeys", "HTTPProblems", "AuditLog",
                "DispatcherProtocol",
                "AuditStore", "TenantPort", asyncHTTPClient, hummingbird, httpTypes, lifecycle, logging, metrics, nio,
                nioHTTP1, nioSSL,
                nioPosix, crypto,
            ], resources: [.embedInCode("openapi.yaml")]),

        // The issuing side: a trust boundary of its own, imported by postern-tenant alone.
        .target(
            name: "CertificateAuthority", dependencies: ["MachineIdentity", x509, asn1, crypto],
            path: "enrollment/Sources/CertificateAuthority"),
        .target(
            name: "KeyAuthority", dependencies: ["RelayFormat", "RelaySealing", "MachineIdentity", crypto],
            path: "enrollment/Sources/KeyAuthority"),
        .target(
            name: "EnrollmentService",
            dependencies: [
                "RelayFormat", "RelaySealing", "KafkaTopology", "CertificateAuthority", "KeyAuthority",
                "MachineIdentity", "AuditLog", "RequestLimits", "EnrollmentProtocol",
                "HTTPProblems", "Failpoints", "DurableFiles", "AuditStore", "IdentityStore", "TenantPort", hummingbird,
                httpTypes, grdb, jwt, x509, asn1, crypto, logging, metrics, nio,
            ],
            path: "enrollment/Sources/EnrollmentService", resources: [.embedInCode("openapi.yaml")]),
        .target(
            name: "RemoteKeyAuthority",
            dependencies: [
                "RelayFormat", "RelaySealing", "KeyAuthority", "MachineIdentity", "HTTPProblems", "EnrollmentProtocol",
                "IdentityStore", "EnrollmentClient", crypto, logging,
            ],
            path: "enrollment/Sources/RemoteKeyAuthority"),

        // Commands: arguments, configuration, assembly.
        .executableTarget(
            name: "postern",
            dependencies: [
                "RelayFormat", "BrokerCore", "KafkaTopology", "HTTPProblems", "ForwardProxy", "BrokerLink",
                "KafkaBroker", "KafkaProxy", "RequestLedger", "MachineIdentity", "AuditLog",
                "EnrollmentProtocol", "DurableFiles", "AuditStore", "IdentityStore", "EnrollmentClient",
                "StructuredLogging", "MetricsExport", "ConnectorServices", "RelaySealing", "RelayKeys", "Connector",
                "Diagnostics", "TokenKeys", asyncHTTPClient, arguments, lifecycle, unixSignals, logging, metrics,
                crypto,
                nioPosix,
            ]),
        .executableTarget(
            name: "postern-tenant",
            dependencies: [
                "RelayFormat", "RelaySealing", "RelayDelivery", "BrokerCore", "KafkaTopology", "SQLiteBroker",
                "BrokerLink", "KafkaBroker",
                "RequestLedger", "TenantPort", "MachineIdentity", "AuditLog", "RequestLimits", "EnrollmentProtocol",
                "AuditStore", "IdentityStore", "StructuredLogging", "MetricsExport", "RelayKeys", "Dispatcher",
                "CertificateAuthority", "EnrollmentService", "RemoteKeyAuthority", crypto, arguments, lifecycle,
                unixSignals, logging, metrics, hummingbird, nio, nioSSL,
            ]),
        .executableTarget(
            name: "posternctl",
            dependencies: [
                "RelayFormat", "HTTPProblems", "AuditLog", "EnrollmentProtocol", "DispatcherProtocol",
                "EnrollmentClient", "MachineIdentity", arguments,
            ]),
        .executableTarget(
            name: "relay-benchmark",
            dependencies: [
                "RelayFormat", "RelaySealing", "BrokerCore", "RelayDelivery", "KafkaTopology", "KafkaBroker", rdkafka,
                "SQLiteBroker",
                "BrokerLink", "RequestLedger",
                "TenantPort",
                "ConnectorServices", "RelayKeys", "Connector", "Dispatcher", "PlainRelay", "SealedRelay", arguments,
                logging, nio, nioPosix, nioSSL, x509, asn1,
                crypto,
            ],
            path: "ops/benchmark"),

        // Tests.
        .target(name: "TestTools", path: "Tests/TestTools"),
        .target(
            name: "BrokerConformance", dependencies: ["RelayFormat", "BrokerCore"], path: "Tests/BrokerConformance"),
        .target(
            name: "KafkaSites",
            dependencies: [
                "RelayFormat", "BrokerCore", "KafkaTopology", "BrokerConformance", "KafkaBroker", rdkafka, logging,
            ],
            path: "Tests/KafkaSites"),
        .target(
            name: "PlainRelay", dependencies: ["RelayFormat", "RelaySealing", "BrokerCore", "RelayKeys"],
            path: "Tests/PlainRelay"),
        .target(
            name: "SealedRelay",
            dependencies: ["RelayFormat", "RelaySealing", "BrokerCore", "RelayKeys", crypto, logging],
            path: "Tests/SealedRelay"),
        .target(
            name: "FuzzTargets",
            dependencies: [
                "SealedRelay", "RelayFormat", "RelaySealing", "BrokerCore", "RelayKeys", "KafkaTopology", "KafkaBroker",
                "BrokerLink", crypto, nio,
            ],
            path: "Tests/FuzzTargets"),
        .testTarget(name: "ArchitectureTests"),
        .testTarget(name: "DiagnosticsTests", dependencies: ["Diagnostics"]),
        .testTarget(name: "AuditLogTests", dependencies: ["TestTools", "AuditLog", crypto]),
        .testTarget(name: "MetricsExportTests", dependencies: ["MetricsExport", metrics]),
        .testTarget(name: "RequestLimitsTests", dependencies: ["RequestLimits"]),
        .testTarget(name: "DurableFilesTests", dependencies: ["TestTools", "DurableFiles"]),
        .testTarget(name: "AuditStoreTests", dependencies: ["TestTools", "AuditLog", "AuditStore", grdb, logging]),
        .testTarget(name: "RelayFormatTests", dependencies: ["TestTools", "RelayFormat"]),
        .testTarget(name: "RelaySealingTests", dependencies: ["TestTools", "RelayFormat", "RelaySealing", crypto]),
        .testTarget(
            name: "RelayKeysTests",
            dependencies: ["SealedRelay", "RelayFormat", "RelaySealing", "BrokerCore", "RelayKeys", logging]),
        .testTarget(name: "RelayDeliveryTests", dependencies: ["TestTools", "RelayFormat", "RelayDelivery"]),
        .testTarget(
            name: "ConnectorServicesTests",
            dependencies: ["RelayFormat", "ConnectorServices", asyncHTTPClient, nio, nioPosix]),
        .testTarget(
            name: "ConnectorTests",
            dependencies: [
                "PlainRelay", "RelayFormat", "RelaySealing", "RelayDelivery", "BrokerCore", "RelayKeys",
                "ConnectorServices", "Connector", lifecycle, logging,
            ]),
        .testTarget(
            name: "DispatcherTests",
            dependencies: [
                "TestTools", "PlainRelay", "RequestLedger", "RelayFormat", "RelayDelivery", "BrokerCore", "RelayKeys",
                "HTTPProblems", "AuditLog",
                "AuditStore", "DispatcherProtocol", "TenantPort",
                "ConnectorServices", "Connector", "Dispatcher", hummingbird, hummingbirdTesting, httpTypes, nio,
                logging,
            ]),
        .testTarget(
            name: "RelayTests",
            dependencies: [
                "SealedRelay", "RelayFormat", "RelaySealing", "RelayDelivery", "BrokerCore", "RelayKeys",
                "RequestLedger", "ConnectorServices", "Connector", "Dispatcher", "KafkaTopology", "KafkaBroker",
                "BrokerConformance", "KafkaSites", lifecycle, logging,
            ]),
        .testTarget(
            name: "EvilBrokerTests",
            dependencies: [
                "SealedRelay", "RelayFormat", "RelaySealing", "RelayDelivery", "BrokerCore", "SQLiteBroker",
                "RequestLedger", "RelayKeys", "ConnectorServices", "Connector", "Dispatcher", crypto, logging,
            ]),
        .testTarget(name: "BrokerCoreTests", dependencies: ["RelayFormat", "BrokerCore", "BrokerConformance"]),
        .testTarget(
            name: "SQLiteBrokerTests",
            dependencies: [
                "Failpoints", "RelayFormat", "BrokerCore", "BrokerConformance", "SQLiteBroker", grdb, logging,
            ]),
        .testTarget(name: "KafkaTopologyTests", dependencies: ["RelayFormat", "BrokerCore", "KafkaTopology"]),
        .testTarget(
            name: "KafkaBrokerTests",
            dependencies: [
                "TestTools", "RelayFormat", "BrokerCore", "KafkaTopology", "BrokerConformance", "KafkaSites",
                "KafkaBroker", rdkafka, crypto, logging,
            ]),

        .testTarget(
            name: "RequestLedgerTests",
            dependencies: ["Failpoints", "RelayFormat", "RelayDelivery", "RequestLedger", grdb, logging]),

        .target(
            name: "TestCertificates", dependencies: [x509, asn1, crypto, nioSSL], path: "Tests/TestCertificates"),
        .testTarget(
            name: "TenantPortTests",
            dependencies: [
                "TenantPort", "HTTPProblems", "TestCertificates", hummingbird, httpTypes, lifecycle, logging, nio,
                nioPosix, nioHTTP1, nioWebSocket, nioSSL, nioEmbedded,
            ]),
        .testTarget(
            name: "BrokerLinkTests",
            dependencies: [
                "TestTools", "RelayFormat", "BrokerCore", "BrokerConformance", "ForwardProxy", "BrokerLink",
                "TenantPort",
                "TestCertificates",
                lifecycle, logging, nio, nioPosix, nioHTTP1, nioWebSocket, nioSSL, nioEmbedded,
            ]),
        .testTarget(name: "MachineIdentityTests", dependencies: ["TestTools", "MachineIdentity", x509, asn1, crypto]),
        .testTarget(
            name: "TokenKeysTests",
            dependencies: ["TestTools", "TokenKeys", "IdentityStore", "MachineIdentity", crypto]),
        .testTarget(
            name: "IdentityStoreTests",
            dependencies: [
                "TestTools", "TokenKeys", "IdentityStore", "RelayFormat", "RelaySealing", "MachineIdentity",
                "EnrollmentProtocol", crypto,
            ]),
        .testTarget(
            name: "EnrollmentClientTests",
            dependencies: [
                "Failpoints", "EnrollmentClient", "EnrollmentProtocol", "IdentityStore", "MachineIdentity",
                "HTTPProblems", "RelayFormat", "RelaySealing", "CertificateAuthority", crypto,
                nio, nioConcurrencyHelpers, nioPosix, nioHTTP1, nioSSL,
            ]),
        .testTarget(
            name: "CertificateAuthorityTests",
            dependencies: ["TestTools", "CertificateAuthority", "MachineIdentity", x509, asn1, crypto]),
        .testTarget(
            name: "KeyAuthorityTests",
            dependencies: ["TestTools", "RelayFormat", "RelaySealing", "KeyAuthority", crypto]),
        .target(name: "LinkFaults", dependencies: [nio, nioPosix], path: "Tests/LinkFaults"),
        .testTarget(name: "LinkFaultsTests", dependencies: ["LinkFaults", nio, nioPosix]),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "LinkFaults", "TestTools", "RelayFormat", "BrokerCore", "KafkaTopology", "ForwardProxy", "KafkaBroker",
                "KafkaProxy",
                "postern", "postern-tenant", "posternctl", asyncHTTPClient, httpTypes, nio,
                nioPosix, nioHTTP1, nioSSL, logging,
            ]),
        .testTarget(
            name: "EnrollmentProtocolTests", dependencies: ["EnrollmentProtocol", "MachineIdentity", crypto]),
        .testTarget(
            name: "EnrollmentServiceTests",
            dependencies: [
                "TestTools", "EnrollmentService", "RelayFormat", "RelaySealing", "KafkaTopology",
                "CertificateAuthority",
                "KeyAuthority",
                "RemoteKeyAuthority", "EnrollmentClient",
                "AuditLog", "AuditStore", "RequestLimits",
                "EnrollmentProtocol", "IdentityStore", "MachineIdentity", "HTTPProblems", "TenantPort", hummingbird,
                httpTypes, grdb, jwt, x509, asn1, crypto, logging, nio,
                nioEmbedded, yams,
            ]),
    ]
)

// `ops/fuzz --guided` makes a program of it, whose main function libFuzzer brings.
if Context.environment["POSTERN_FUZZING"] != nil,
    let index = package.targets.firstIndex(where: { $0.name == "FuzzTargets" })
{
    let fuzzed = package.targets[index]
    package.targets[index] = .executableTarget(name: fuzzed.name, dependencies: fuzzed.dependencies, path: fuzzed.path)
}

for target in package.targets where target.type != .system {
    target.swiftSettings = [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .treatAllWarnings(as: .error),
    ]
    // What these export is generic or short and used for every message: it is compiled into the modules that use it.
    if ["RelayFormat", "RelaySealing", "RelayDelivery", "BrokerCore", "RelayKeys"].contains(target.name) {
        target.swiftSettings?.append(
            .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)))
    }
}
