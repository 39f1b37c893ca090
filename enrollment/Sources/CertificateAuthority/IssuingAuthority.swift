public import Crypto
public import struct Foundation.Date
public import MachineIdentity
internal import SwiftASN1
internal import X509

/// The online authority of an installation: it issues machine and server certificates below the offline root.
///
/// Subject, names, usages and times are made here alone; of a request only the public key is taken.
public struct IssuingAuthority: Sendable {
    /// The installation that this authority speaks for.
    public let trustDomain: String
    /// The root, in DER.
    public let rootCertificate: [UInt8]
    /// The intermediate that signs, in DER.
    public let intermediateCertificate: [UInt8]
    /// All intermediates whose machines are accepted, in DER: the one that signs, then those that signed before.
    public let trustedIntermediates: [[UInt8]]
    let intermediate: Certificate
    let key: AuthorityKey
    private let machineLifetime: Int?

    /// Assembles the authority; throws unless root, intermediate and key belong together.
    ///
    /// - Parameters:
    ///   - formerIntermediates: those that signed before, as long as machines have certificates of them.
    ///   - machineLifetime: how many seconds the certificates of machines live; the profile's own unless given.
    public init(
        trustDomain: String, rootCertificate: [UInt8], intermediateCertificate: [UInt8], intermediateKey: AuthorityKey,
        formerIntermediates: [[UInt8]] = [], machineLifetime: Int? = nil
    ) throws(CertificateAuthorityError) {
        guard MachineName.isTrustDomain(trustDomain) else {
            throw CertificateAuthorityError(.mismatch, "\"\(trustDomain)\" is no trust domain")
        }
        guard let root = try? Certificate(derEncoded: rootCertificate),
            let intermediate = try? Certificate(derEncoded: intermediateCertificate),
            intermediate.issuer == root.subject,
            root.publicKey.isValidSignature(intermediate.signature, for: intermediate)
        else { throw CertificateAuthorityError(.mismatch, "the root has not signed the intermediate") }
        guard intermediate.publicKey == intermediateKey.signing.publicKey else {
            throw CertificateAuthorityError(.mismatch, "the key is not that of the intermediate")
        }
        self.trustDomain = trustDomain
        self.rootCertificate = rootCertificate
        self.intermediateCertificate = intermediateCertificate
        self.intermediate = intermediate
        trustedIntermediates = [intermediateCertificate] + formerIntermediates
        self.machineLifetime = machineLifetime
        key = intermediateKey
    }

    /// The key of the intermediate, which signs.
    public var issuingKey: AuthorityKey { key }

    /// The fingerprint that invitations pin.
    public var pin: CertificateFingerprint { CertificateFingerprint(certificate: rootCertificate) }

    /// What stands above a leaf, from the intermediate to the root, in PEM.
    public var chainPEM: String { CertificatePEM.encode([intermediateCertificate, rootCertificate]) }

    /// The policy that accepts the machines of this authority.
    public func leafPolicy() throws(MachineIdentityError) -> MachineLeafPolicy {
        try MachineLeafPolicy(trustDomain: trustDomain, intermediates: trustedIntermediates, roots: [rootCertificate])
    }

    /// Issues a machine's certificate.
    ///
    /// - Parameter lifetime: seconds; the authority's own unless given, and never more than the profile allows.
    public func issueMachineCertificate(
        publicKey: P256.Signing.PublicKey, name: MachineName, profile: CertificateProfile = .machine,
        lifetime: Int? = nil, now: Date, serial: SerialNumber
    ) throws(CertificateAuthorityError) -> IssuedCertificate {
        guard name.trustDomain == trustDomain else {
            throw CertificateAuthorityError(.mismatch, "\(name) is not a name of the trust domain \(trustDomain)")
        }
        return try issue(
            publicKey, commonName: name.connector, names: [.uniformResourceIdentifier(name.uri)], profile: profile,
            lifetime: lifetime ?? machineLifetime, now: now, serial: serial)
    }

    /// Issues the certificate of the tenant's own port.
    public func issueServerCertificate(
        publicKey: P256.Signing.PublicKey, hosts: [ServerHost], profile: CertificateProfile = .server, now: Date,
        serial: SerialNumber
    ) throws(CertificateAuthorityError) -> IssuedCertificate {
        guard let first = hosts.first else {
            throw CertificateAuthorityError(.invalidHost, "a server certificate needs at least one host")
        }
        return try issue(
            publicKey, commonName: String(first.description.prefix(64)), names: hosts.map(\.generalName),
            profile: profile, lifetime: nil, now: now, serial: serial)
    }

    private func issue(
        _ publicKey: P256.Signing.PublicKey, commonName: String, names: [GeneralName], profile: CertificateProfile,
        lifetime: Int?, now: Date, serial: SerialNumber
    ) throws(CertificateAuthorityError) -> IssuedCertificate {
        guard now < intermediate.notValidAfter else {
            throw CertificateAuthorityError(.expired, "the intermediate expired at \(intermediate.notValidAfter)")
        }
        return try CertificateTemplate(
            profile: profile, subject: CertificateTemplate.name(commonName), names: names,
            publicKey: Certificate.PublicKey(publicKey), lifetime: lifetime
        ).sign(issuer: intermediate, key: key, now: now, serial: serial)
    }
}
