internal import BrokerLink
internal import EnrollmentClient
internal import ForwardProxy
internal import Foundation
internal import MachineIdentity

/// The ways out of this machine, as the environment names them.
struct NetworkSettings: Sendable {
    /// `HTTPS_PROXY` and `NO_PROXY`, in either case.
    let proxies: ProxySettings
    /// `SSL_CERT_FILE`.
    let authorityFile: String?

    /// Reads the environment; what is given stands for its variable.
    static func fromEnvironment(
        proxy: String? = nil, noProxy: String? = nil,
        _ environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> NetworkSettings {
        func value(_ name: String) -> String? {
            [environment[name], environment[name.lowercased()]].compactMap { $0 }.first { !$0.isEmpty }
        }
        return NetworkSettings(
            proxies: try ProxySettings(
                httpsProxy: proxy ?? value("HTTPS_PROXY"), noProxy: noProxy ?? value("NO_PROXY")),
            authorityFile: value("SSL_CERT_FILE"))
    }

    /// The proxy through which the link goes; nil if it goes directly.
    func linkProxy(for endpoint: TenantEndpoint) -> ForwardingProxy? {
        proxies.proxy(for: endpoint).map(ForwardingProxy.init)
    }

    /// The proxy through which Kafka's servers are reached; nil where they are reached directly.
    ///
    /// What is excepted for one of the servers that the tenant names is excepted for all: they name each other.
    func kafkaProxy(for bootstrap: String) -> ForwardingProxy? {
        var proxy: ProxySettings.Proxy?
        for server in bootstrap.split(separator: ",") {
            guard let endpoint = try? TenantEndpoint("https://\(server)"), let found = proxies.proxy(for: endpoint)
            else { return nil }
            proxy = found
        }
        return proxy.map(ForwardingProxy.init)
    }
}

extension ForwardingProxy {
    /// The proxy that the settings name.
    fileprivate init(_ proxy: ProxySettings.Proxy) {
        self.init(
            host: proxy.host, port: proxy.port, user: proxy.credentials?.user,
            password: proxy.credentials?.password.reveal())
    }
}
