internal import Foundation

/// One entry of `NO_PROXY`: hosts that are reached directly.
///
/// `*` stands for all; `example.org`, `.example.org` and `*.example.org` for the domain and what is below it;
/// `192.0.2.7`, `2001:db8::1`, `10.0.0.0/8` and `fd00::/8` for addresses that a URL names. Each may end in a port,
/// behind brackets where the address has colons.
struct ProxyException: Sendable, Equatable {
    private enum Hosts: Sendable, Equatable {
        case all
        case domain(String)
        case addresses([UInt8], bits: Int)
    }

    private let hosts: Hosts
    private let port: Int?

    /// Reads an entry; nil for one that fits nothing.
    init?(_ text: some StringProtocol) {
        var host = text.lowercased()
        var port: Int?
        let isBracketed = host.hasPrefix("[")
        if isBracketed || host.filter({ $0 == ":" }).count == 1, let colon = host.lastIndex(of: ":"),
            !isBracketed || host[..<colon].hasSuffix("]")
        {
            guard let number = Int(host[host.index(after: colon)...]), (1...65_535).contains(number) else { return nil }
            port = number
            host = String(host[..<colon])
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        self.port = port
        if host == "*" {
            hosts = .all
            return
        }
        let parts = host.split(separator: "/", omittingEmptySubsequences: false)
        if let address = Self.address(String(parts.first ?? "")) {
            let longest = address.count * 8
            guard parts.count <= 2, let bits = parts.count == 1 ? longest : Int(parts[1]), (0...longest).contains(bits)
            else { return nil }
            hosts = .addresses(address, bits: bits)
            return
        }
        for prefix in ["*.", "."] where host.hasPrefix(prefix) { host = String(host.dropFirst(prefix.count)) }
        guard parts.count == 1, !host.isEmpty else { return nil }
        hosts = .domain(host)
    }

    /// Whether a tenant is reached directly by this entry.
    func covers(_ endpoint: TenantEndpoint) -> Bool {
        if let port, port != endpoint.port { return false }
        switch hosts {
        case .all:
            return true
        case .domain(let domain):
            return endpoint.host == domain || (!endpoint.isAddress && endpoint.host.hasSuffix("." + domain))
        case .addresses(let network, let bits):
            guard let address = Self.address(endpoint.host), address.count == network.count else { return false }
            return (0..<bits).allSatisfy { bit in
                let mask = UInt8(0x80) >> (bit % 8)
                return address[bit / 8] & mask == network[bit / 8] & mask
            }
        }
    }

    private static func address(_ text: String) -> [UInt8]? {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 { return withUnsafeBytes(of: four) { Array($0) } }
        var six = in6_addr()
        if inet_pton(AF_INET6, text, &six) == 1 { return withUnsafeBytes(of: six) { Array($0) } }
        return nil
    }
}
