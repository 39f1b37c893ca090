internal import Foundation
public import MachineIdentity

/// Which connections go through an HTTP proxy: the values of `HTTPS_PROXY` and `NO_PROXY`, handed in by the command.
public struct ProxySettings: Sendable, Equatable {
    /// An HTTP proxy that makes tunnels (CONNECT).
    public struct Proxy: Sendable, Equatable, CustomStringConvertible {
        /// The proxy's host.
        public let host: String
        /// The proxy's port.
        public let port: Int
        /// User and password, where the proxy wants them.
        public let credentials: Credentials?

        /// What a proxy asks for.
        public struct Credentials: Sendable, Equatable {
            /// The user.
            public let user: String
            /// The password.
            public let password: Secret
        }

        public var description: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }
    }

    private let proxy: Proxy?
    private let exceptions: [ProxyException]

    /// No proxy at all.
    public static let none = ProxySettings()

    private init() {
        proxy = nil
        exceptions = []
    }

    /// Reads `http://[user:password@]host[:port]` and a list of hosts to be reached directly.
    ///
    /// User and password are percent-encoded in the URL. What in the list fits no host is passed over, since other
    /// programs read the same variable: `ProxyException` says what is understood.
    public init(httpsProxy: String?, noProxy: String?) throws(EnrollmentClientError) {
        exceptions = (noProxy ?? "").split(whereSeparator: { $0 == "," || $0.isWhitespace }).compactMap {
            ProxyException($0)
        }
        guard let httpsProxy, !httpsProxy.isEmpty else {
            proxy = nil
            return
        }
        let text = httpsProxy.contains("://") ? httpsProxy : "http://" + httpsProxy
        guard let parts = URLComponents(string: text), parts.scheme?.lowercased() == "http", var host = parts.host,
            !host.isEmpty, (1...65_535).contains(parts.port ?? 3128)
        else {
            throw EnrollmentClientError(
                .invalidProxy, "The proxy's URL (HTTPS_PROXY or --proxy) cannot be used.",
                advice: "It looks like http://user:password@proxy.example.org:3128, with what is special in user and"
                    + " password percent-encoded (@ is %40); only HTTP proxies with CONNECT are supported.")
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        proxy = Proxy(
            host: host, port: parts.port ?? 3128,
            credentials: parts.user.map { Proxy.Credentials(user: $0, password: Secret(parts.password ?? "")) })
    }

    /// The proxy for a host; nil if it is reached directly.
    public func proxy(for endpoint: TenantEndpoint) -> Proxy? {
        exceptions.contains { $0.covers(endpoint) } ? nil : proxy
    }
}
