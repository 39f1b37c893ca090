internal import EnrollmentProtocol
internal import MachineIdentity
internal import SwiftASN1
internal import X509

/// The certificates that a server showed, the leaf first, in DER.
struct PresentedChain: Sendable {
    let certificates: [[UInt8]]

    /// Whoever signed the leaf.
    struct Issuer: Sendable {
        /// The pin of its key.
        let pin: Pin
        /// Its name, for people.
        let name: String
        /// Its certificate in DER; nil if the issuer itself was not to be found.
        let certificate: [UInt8]?
    }

    /// Finds who signed the leaf, among the rest of the chain, some further certificates, and the leaf itself.
    func issuer(among further: [[UInt8]]) -> Issuer? {
        guard let first = certificates.first, let leaf = try? Certificate(derEncoded: first) else { return nil }
        for der in certificates.dropFirst() + further + [first] {
            guard let candidate = try? Certificate(derEncoded: der), candidate.subject == leaf.issuer,
                candidate.publicKey.isValidSignature(leaf.signature, for: leaf), let pin = Self.pin(of: der)
            else { continue }
            return Issuer(pin: pin, name: candidate.subject.description, certificate: der)
        }
        return nil
    }

    /// The name that the leaf gives its issuer, for people.
    var claimedIssuer: String {
        certificates.first.flatMap { try? Certificate(derEncoded: $0) }?.issuer.description ?? "unreadable"
    }

    static func pin(of certificate: [UInt8]) -> Pin? {
        (try? KeyFingerprint(ofKeyInCertificate: certificate)).flatMap { Pin(bytes: $0.bytes) }
    }

    /// Whether one certificate was signed by another.
    static func isSigned(_ certificate: [UInt8], by issuer: [UInt8]) -> Bool {
        guard let certificate = try? Certificate(derEncoded: certificate),
            let issuer = try? Certificate(derEncoded: issuer)
        else { return false }
        return certificate.issuer == issuer.subject
            && issuer.publicKey.isValidSignature(certificate.signature, for: certificate)
    }
}
