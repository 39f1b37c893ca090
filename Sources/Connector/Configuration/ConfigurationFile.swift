internal import ConnectorServices
internal import Foundation
internal import RelayFormat
internal import Yams

/// Reads the connector's YAML file; every key that it knows stands here.
///
/// ```yaml
/// limits:
///   in_flight: 256          # requests at a time, 1 to 65536
///   drain: 10s              # how long running requests may take at shutdown
/// metrics:
///   listen: 127.0.0.1:9464  # GET /metrics, on this machine alone; nowhere unless it is said
/// services:
///   intranet:               # the name that the tenant uses: a-z, 0-9, "-", "_", "."
///     kind: http
///     target: http://127.0.0.1:8080
///     timeout: 60s
///     class: once             # of all its requests: safe, keyed or once; without it the method decides
///     honours_idempotency_key: true   # then POST and PATCH may run again under one key
///     limits:
///       concurrency: 8        # requests at a time
///       rate: 100/s           # starts, per s, m or h
///       burst: 20             # starts at once after a pause
///     allow:                # what no rule allows is denied
///       - methods: [GET, HEAD]
///         paths: ["/status", "/reports/**"]
/// ```
public enum ConfigurationFile {
    /// Reads the text of a file.
    ///
    /// - Throws: `ConfigurationError` for the first thing that is wrong, unknown keys among them.
    public static func parse(_ text: String) throws(ConfigurationError) -> ConnectorConfiguration {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw ConfigurationError("", "this is not YAML: \(error)")
        }
        guard let root, root.null == nil else { return ConnectorConfiguration() }
        var map = try KeyedNode(root, at: "")
        var configuration = ConnectorConfiguration()
        if var limits = try map.map("limits") {
            if let value = try limits.integer("in_flight", in: 1...65_536) { configuration.inFlight = value }
            if let value = try limits.duration("drain") { configuration.drain = value }
            try limits.end()
        }
        if var metrics = try map.map("metrics") {
            guard let listen = try metrics.string("listen") else {
                throw ConfigurationError("metrics.listen", "the address is missing, as in 127.0.0.1:9464")
            }
            configuration.metrics = listen
            try metrics.end()
        }
        if let services = try map.map("services") {
            guard services.keys.count <= RelayLimits.services else {
                throw ConfigurationError("services", "at most \(RelayLimits.services) services are offered")
            }
            for name in services.keys {
                let key = "services.\(name)"
                guard isServiceName(name) else {
                    throw ConfigurationError(key, "a name has 1 to 64 of a-z, 0-9, \"-\", \"_\" and \".\"")
                }
                configuration.services[name] = try service(services.child(name))
            }
        }
        try map.end()
        return configuration
    }

    private static func isServiceName(_ name: String) -> Bool {
        (1...RelayLimits.serviceName).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "-_.".utf8.contains(byte)
            }
    }

    private static func isMethod(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { (0x21...0x7e).contains($0) && !"\"(),/:;<=>?@[\\]{}*".utf8.contains($0) }
    }

    private static func service(_ node: KeyedNode) throws(ConfigurationError) -> ConnectorConfiguration.Service {
        var node = node
        switch try node.string("kind") {
        case "http": return .http(try http(&node))
        case let kind?: throw ConfigurationError(node.path("kind"), "the kind \"\(kind)\" is not known; known is: http")
        case nil: throw ConfigurationError(node.path("kind"), "the kind of the service is missing; known is: http")
        }
    }

    private static func http(_ node: inout KeyedNode) throws(ConfigurationError) -> HTTPService.Configuration {
        guard let text = try node.string("target") else {
            throw ConfigurationError(node.path("target"), "the target is missing, as in http://127.0.0.1:8080")
        }
        guard let target = URL(string: text), let scheme = target.scheme, ["http", "https"].contains(scheme),
            target.host?.isEmpty == false, (1...65_535).contains(target.port ?? 80), target.query == nil,
            target.fragment == nil, target.user == nil
        else {
            throw ConfigurationError(
                node.path("target"), "\"\(text)\" is not of the form http://host:port or https://host:port/base")
        }
        var rules: [HTTPAccessPolicy.Rule] = []
        for var rule in try node.list("allow") ?? [] {
            let methods = try rule.strings("methods") ?? []
            guard !methods.isEmpty else {
                throw ConfigurationError(rule.path("methods"), "name at least one method, as in [GET, HEAD]")
            }
            for method in methods where method != "*" && !isMethod(method) {
                throw ConfigurationError(rule.path("methods"), "\"\(method)\" is no method; name each one by itself")
            }
            var paths: [PathPattern] = []
            for text in try rule.strings("paths") ?? [] {
                guard let pattern = PathPattern(text) else {
                    throw ConfigurationError(
                        rule.path("paths"),
                        "\"\(text)\" is no pattern: it begins with \"/\", \"*\" stands for one"
                            + " whole segment, \"**\" only at the end, and nothing is percent-encoded")
                }
                paths.append(pattern)
            }
            guard !paths.isEmpty else {
                throw ConfigurationError(rule.path("paths"), "name at least one path, as in [\"/status\", \"/api/**\"]")
            }
            rules.append(.init(methods: Set(methods.map { $0.uppercased() }), paths: paths))
            try rule.end()
        }
        var configuration = HTTPService.Configuration(target: target, policy: HTTPAccessPolicy(rules: rules))
        if let timeout = try node.duration("timeout") { configuration.timeout = timeout }
        configuration.terms = try terms(&node)
        try node.end()
        return configuration
    }
}
