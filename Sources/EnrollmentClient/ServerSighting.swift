public import EnrollmentProtocol
public import Foundation
internal import MachineIdentity
internal import SwiftASN1
internal import X509

/// What a look at a server showed, before any of it is believed.
public struct ServerSighting: Sendable {
    /// The certificates that the server showed.
    let chain: PresentedChain
    /// The status of the answer.
    public let status: Int
    /// The server's clock, to the second, where it says it.
    public let date: Date?
    /// The body of the answer.
    let body: [UInt8]

    /// Who says to have issued the server's certificate, with the key's pin where that authority was shown.
    public var issuer: String {
        guard let issuer = chain.issuer(among: installation) else { return chain.claimedIssuer }
        return "\(issuer.name) (\(issuer.pin))"
    }

    /// The pin of that authority's key, where it was shown.
    public var issuerPin: Pin? { chain.issuer(among: installation)?.pin }

    /// The installation that the answer names; nil if it is not a tenant's.
    public var trustDomain: String? { status == 200 ? authority?.trustDomain : nil }

    /// The pin of the root that the answer names first; nobody has vouched for it.
    public var presentedRoot: Pin? { installation.first.flatMap(PresentedChain.pin) }

    /// From when to when the server's certificate is valid; nil if it cannot be read.
    public var validity: ClosedRange<Date>? {
        guard let leaf, leaf.notValidBefore <= leaf.notValidAfter else { return nil }
        return leaf.notValidBefore...leaf.notValidAfter
    }

    /// The names and addresses for which the server's certificate is, for people.
    var names: [String] {
        guard let names = try? leaf?.extensions.subjectAlternativeNames else { return [] }
        return names.compactMap { name in
            switch name {
            case .dnsName(let name): name
            case .ipAddress(let address): Self.text(of: Array(address.bytes))
            default: nil
            }
        }
    }

    private var authority: AuthorityAnswer? { try? EnrollmentJSON.decode(AuthorityAnswer.self, from: Data(body)) }

    private var installation: [[UInt8]] {
        authority?.certificates.compactMap { try? CertificatePEM.decode($0).first } ?? []
    }

    private var leaf: Certificate? { chain.certificates.first.flatMap { try? Certificate(derEncoded: $0) } }

    private static func text(of address: [UInt8]) -> String? {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard [4, 16].contains(address.count),
            inet_ntop(address.count == 4 ? AF_INET : AF_INET6, address, &text, socklen_t(text.count)) != nil
        else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
