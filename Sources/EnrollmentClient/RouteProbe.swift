internal import Foundation
internal import NIOCore

/// The way to a tenant in single steps, for whoever looks for the one that fails; nothing secret is said.
public struct RouteProbe: Sendable {
    private let endpoint: TenantEndpoint
    private let probe: TLSProbe

    /// The proxy on the way; nil if there is none.
    public let proxy: ProxySettings.Proxy?

    /// Prepares a walk.
    ///
    /// - Parameter timeout: how long connecting may take, in seconds.
    public init(endpoint: TenantEndpoint, proxies: ProxySettings, timeout: Int) {
        self.endpoint = endpoint
        proxy = proxies.proxy(for: endpoint)
        probe = TLSProbe(endpoint: endpoint, proxy: proxy, timeout: .seconds(Int64(timeout)))
    }

    /// The host whose name this machine has to resolve itself: the proxy's, if there is one.
    public var host: String { proxy?.host ?? endpoint.host }

    /// The addresses of that host; blocks for as long as the system's resolver takes.
    public func addresses() throws(EnrollmentClientError) -> [String] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, nil, &hints, &found)
        guard status == 0 else {
            throw EnrollmentClientError(
                .unreachable, "The name \(host) has no address: \(String(cString: gai_strerror(status))).",
                advice: "Look at the name and at the resolver: getent hosts '\(host)'")
        }
        defer { freeaddrinfo(found) }
        var addresses: [String] = []
        var next = found
        while let entry = next {
            next = entry.pointee.ai_next
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            guard
                getnameinfo(
                    entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0,
                    NI_NUMERICHOST) == 0
            else { continue }
            let address = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            if !addresses.contains(address) { addresses.append(address) }
        }
        return addresses
    }

    /// Connects to the proxy alone.
    public func knockAtProxy() async throws(EnrollmentClientError) {
        guard let proxy else { return }
        let place = "http://" + proxy.description
        do {
            try await TLSProbe.open(host: proxy.host, port: proxy.port, timeout: probe.timeout).close(promise: nil)
        } catch {
            throw EnrollmentClientError(
                .unreachable, "The proxy \(place) cannot be reached: \(TransportFailure.words(of: error)).",
                advice: "Look at HTTPS_PROXY (or --proxy) and at the way to that host, or name the tenant in NO_PROXY.")
        }
    }

    /// Connects to the tenant, through the proxy's tunnel if there is one.
    public func knock() async throws(EnrollmentClientError) {
        try await probe.knock()
    }
}
