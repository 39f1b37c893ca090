internal import Foundation
internal import SwiftASN1
internal import X509

/// A name under which a server is reached: a DNS name (`*.` in front is allowed) or an IP address.
public struct ServerHost: Sendable, Hashable, CustomStringConvertible {
    private enum Kind: Sendable, Hashable {
        case dns
        case address([UInt8])
    }
    private let kind: Kind
    private let text: String

    /// Reads a host; brackets around an IPv6 address are dropped.
    public init(_ text: some StringProtocol) throws(CertificateAuthorityError) {
        var host = text.lowercased()
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        self.text = host
        if let address = Self.address(of: host) {
            kind = .address(address)
        } else {
            guard Self.isName(host.hasPrefix("*.") ? host.dropFirst(2) : host[...]) else {
                throw CertificateAuthorityError(
                    .invalidHost, "\"\(host.prefix(80))\" is neither a DNS name nor an IP address")
            }
            kind = .dns
        }
    }

    /// The host as it was read, in lower case.
    public var description: String { text }

    var generalName: GeneralName {
        switch kind {
        case .dns: .dnsName(text)
        case .address(let bytes): .ipAddress(ASN1OctetString(contentBytes: bytes[...]))
        }
    }

    private static func address(of text: String) -> [UInt8]? {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 { return withUnsafeBytes(of: four) { Array($0) } }
        var six = in6_addr()
        if inet_pton(AF_INET6, text, &six) == 1 { return withUnsafeBytes(of: six) { Array($0) } }
        return nil
    }

    private static func isName(_ text: Substring) -> Bool {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        let looksLikeAddress = labels.last?.allSatisfy(\.isNumber) ?? true
        return text.utf8.count <= 253 && !looksLikeAddress
            && labels.allSatisfy { label in
                (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                    && label.utf8.allSatisfy {
                        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "-")
                    }
            }
    }
}
