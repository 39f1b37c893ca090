internal import Crypto
public import struct Foundation.Date
internal import SwiftASN1
internal import X509

/// Judges the certificate that a client showed: whether it is a machine of ours, now.
///
/// The chain is leaf, one of our intermediates, one of our roots; nothing that the client sends is used to build it.
/// `RFC5280Policy` of swift-certificates would accept a wrong EKU, a CA as leaf and long chains; this does not.
/// Revocation is not judged here: ask the denylist with `serial` and `keyFingerprint` on every request.
public struct MachineLeafPolicy: Sendable {
    private struct Issuer: Sendable {
        let certificate: Certificate
        let root: Certificate
    }

    /// The installation whose machines are accepted.
    public let trustDomain: String
    private let issuers: [Issuer]

    /// Makes the policy of an installation; certificates are in DER.
    ///
    /// Throws if an intermediate is not a CA that one of the roots has signed.
    public init(trustDomain: String, intermediates: [[UInt8]], roots: [[UInt8]]) throws(MachineIdentityError) {
        let trusted = try roots.map { der throws(MachineIdentityError) in try Self.authority(der) }
        var issuers: [Issuer] = []
        for der in intermediates {
            let certificate = try Self.authority(der)
            guard let root = trusted.first(where: { Self.signed(certificate, by: $0) }) else {
                throw MachineIdentityError(.foreignCertificate, "no root has signed \(certificate.subject)")
            }
            issuers.append(Issuer(certificate: certificate, root: root))
        }
        self.trustDomain = trustDomain
        self.issuers = issuers
    }

    /// Judges a leaf, in DER, at a moment.
    ///
    /// Throws `invalidCertificate`, `notMachineCertificate`, `foreignCertificate`, `certificateExpired` or
    /// `certificateNotYetValid`.
    public func judge(_ der: [UInt8], at now: Date) throws(MachineIdentityError) -> MachineLeaf {
        let leaf = try Self.parsed(der)
        guard let issuer = issuers.first(where: { Self.signed(leaf, by: $0.certificate) }) else {
            throw MachineIdentityError(.foreignCertificate, "the certificate was not issued by this installation")
        }
        try Self.checkShape(leaf)
        let name = try Self.name(in: leaf)
        guard name.trustDomain == trustDomain else {
            throw MachineIdentityError(
                .foreignCertificate, "the certificate belongs to the installation \(name.trustDomain)")
        }
        guard let key = P256.Signing.PublicKey(leaf.publicKey) else {
            throw MachineIdentityError(.notMachineCertificate, "the certificate's key is not on the curve P-256")
        }
        for (what, certificate) in [("certificate", leaf), ("issuer", issuer.certificate), ("root", issuer.root)] {
            guard now >= certificate.notValidBefore else {
                throw MachineIdentityError(
                    .certificateNotYetValid,
                    "the \(what) is valid only from \(certificate.notValidBefore) on; check the clock")
            }
            guard now <= certificate.notValidAfter else {
                throw MachineIdentityError(.certificateExpired, "the \(what) expired at \(certificate.notValidAfter)")
            }
        }
        return MachineLeaf(
            name: name, serial: Self.hexadecimal(leaf.serialNumber.bytes), notBefore: leaf.notValidBefore,
            notAfter: leaf.notValidAfter, fingerprint: CertificateFingerprint(certificate: der),
            keyFingerprint: KeyFingerprint(key), publicKey: Array(key.x963Representation))
    }

    private static func parsed(_ der: [UInt8]) throws(MachineIdentityError) -> Certificate {
        do { return try Certificate(derEncoded: der) } catch {
            throw MachineIdentityError(.invalidCertificate, "these bytes are no certificate")
        }
    }

    private static func authority(_ der: [UInt8]) throws(MachineIdentityError) -> Certificate {
        let certificate = try parsed(der)
        guard case .isCertificateAuthority? = try? certificate.extensions.basicConstraints,
            (try? certificate.extensions.keyUsage)?.keyCertSign == true
        else { throw MachineIdentityError(.foreignCertificate, "\(certificate.subject) is no certificate authority") }
        return certificate
    }

    private static func signed(_ certificate: Certificate, by issuer: Certificate) -> Bool {
        certificate.issuer == issuer.subject
            && issuer.publicKey.isValidSignature(certificate.signature, for: certificate)
    }

    private static func checkShape(_ leaf: Certificate) throws(MachineIdentityError) {
        func require(_ holds: Bool, _ what: String) throws(MachineIdentityError) {
            guard holds else { throw MachineIdentityError(.notMachineCertificate, "the certificate \(what)") }
        }
        typealias Known = ASN1ObjectIdentifier.X509ExtensionID
        let extensions = leaf.extensions
        try require(leaf.version == .v3, "is not of version 3")
        let known = [
            Known.basicConstraints, Known.keyUsage, Known.extendedKeyUsage, Known.subjectAlternativeName,
            Known.subjectKeyIdentifier, Known.authorityKeyIdentifier,
        ]
        try require(
            extensions.allSatisfy { !$0.critical || known.contains($0.oid) }, "has a critical extension that is unknown"
        )
        try require(extensions[oid: Known.basicConstraints]?.critical == true, "has no critical BasicConstraints")
        try require((try? extensions.basicConstraints) == .notCertificateAuthority, "is one of a certificate authority")
        try require(extensions[oid: Known.keyUsage]?.critical == true, "has no critical KeyUsage")
        try require(
            (try? extensions.keyUsage) == KeyUsage(digitalSignature: true), "has another KeyUsage than digitalSignature"
        )
        let usages = (try? extensions.extendedKeyUsage).map { Array($0) }
        try require(usages == [.clientAuth], "has another ExtendedKeyUsage than clientAuth alone")
    }

    private static func name(in leaf: Certificate) throws(MachineIdentityError) -> MachineName {
        let names = (try? leaf.extensions.subjectAlternativeNames).map { Array($0) } ?? []
        guard names.count == 1, case .uniformResourceIdentifier(let uri) = names[0] else {
            throw MachineIdentityError(.notMachineCertificate, "the certificate does not have exactly one name, a URI")
        }
        do { return try MachineName(uri: uri) } catch {
            throw MachineIdentityError(.notMachineCertificate, "the certificate's name is not that of a machine")
        }
    }

    private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
