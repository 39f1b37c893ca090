internal import Foundation

/// Where a tenant is: `https://host[:port]`.
public struct TenantEndpoint: Sendable, Hashable, CustomStringConvertible {
    /// The host: a DNS name or an IP address, without brackets.
    public let host: String
    /// The port.
    public let port: Int

    /// Reads a URL; it must be `https` and have no path, query or user.
    public init(_ text: String) throws(EnrollmentClientError) {
        guard let parts = URLComponents(string: text), parts.scheme?.lowercased() == "https",
            var host = parts.host?.lowercased(), !host.isEmpty, parts.user == nil, parts.password == nil,
            parts.query == nil, parts.fragment == nil, parts.path.isEmpty || parts.path == "/",
            (1...65535).contains(parts.port ?? 443)
        else {
            throw EnrollmentClientError(
                .invalidURL, "\"\(text.prefix(200))\" cannot be used as the tenant's URL.",
                advice: "It looks like https://tenant.example.org:8443, without a path.")
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        self.host = host
        port = parts.port ?? 443
    }

    /// Whether the host is an IP address, which never stands in SNI.
    public var isAddress: Bool {
        var four = in_addr()
        var six = in6_addr()
        return inet_pton(AF_INET, host, &four) == 1 || inet_pton(AF_INET6, host, &six) == 1
    }

    /// The host, in brackets if it is an IPv6 address, and the port.
    public var authority: String { "\(bracketedHost):\(port)" }

    /// The host, in brackets if it is an IPv6 address.
    var bracketedHost: String { host.contains(":") ? "[\(host)]" : host }

    /// The URL, always with its port.
    public var description: String { "https://" + authority }
}
