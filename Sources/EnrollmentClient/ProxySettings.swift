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

        public var description: String { "\(host):\(port)" }
    }

    private let proxy: Proxy?
    private let exceptions: [String]

    /// No proxy at all.
    public static let none = ProxySettings()

    private init() {
        proxy = nil
        exceptions = []
    }

    /// Reads `http://[user:password@]host[:port]` and a list of hosts, domains or `*` to be reached directly.
    public init(httpsProxy: String?, noProxy: String?) throws(EnrollmentClientError) {
        exceptions = (noProxy ?? "").split(whereSeparator: { $0 == "," || $0.isWhitespace }).map { $0.lowercased() }
        guard let httpsProxy, !httpsProxy.isEmpty else {
            proxy = nil
            return
        }
        let text = httpsProxy.contains("://") ? httpsProxy : "http://" + httpsProxy
        guard let parts = URLComponents(string: text), parts.scheme?.lowercased() == "http", let host = parts.host,
            !host.isEmpty
        else {
            throw EnrollmentClientError(
                .invalidProxy, "The value of HTTPS_PROXY cannot be used.",
                advice: "It looks like http://proxy.example.org:3128; only HTTP proxies with CONNECT are supported.")
        }
        proxy = Proxy(
            host: host, port: parts.port ?? 3128,
            credentials: parts.user.map { Proxy.Credentials(user: $0, password: Secret(parts.password ?? "")) })
    }

    /// The proxy for a host; nil if it is reached directly.
    public func proxy(for endpoint: TenantEndpoint) -> Proxy? {
        let excepted = exceptions.contains { exception in
            if exception == "*" { return true }
            let plain = exception.hasPrefix(".") ? String(exception.dropFirst()) : exception
            return [endpoint.host, endpoint.authority].contains(plain) || endpoint.host.hasSuffix("." + plain)
        }
        return excepted ? nil : proxy
    }
}
