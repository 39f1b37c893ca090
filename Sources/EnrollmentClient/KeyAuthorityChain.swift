internal import Crypto
public import EnrollmentProtocol
internal import Foundation
public import IdentityStore
internal import MachineIdentity
internal import RelayFormat
internal import RelaySealing
internal import SwiftASN1
internal import X509

/// The way from the Key Authority that a machine has pinned to the one that the tenant has now.
///
/// Each step is signed by the key before, and by an authority of the installation: the root that the machine has kept
/// since its registration, or an intermediate that this root has signed. So neither a stolen key of the Key Authority
/// alone nor a stolen authority alone can name a successor.
public struct KeyAuthorityChain: Sendable {
    /// The most steps that are walked.
    private static let mostSteps = 256

    private let identity: LoadedIdentity

    /// Takes what a machine knows.
    public init(identity: LoadedIdentity) {
        self.identity = identity
    }

    /// The Key Authority that the answer leads to, if every step holds.
    ///
    /// - Throws: `successionRefused` where one does not.
    public func successor(in answer: KeyAuthorityAnswer) throws(EnrollmentClientError) -> KeyAuthorityReference {
        let known = identity.record.keyAuthority
        guard known.pin != answer.keyAuthority.pin else { return known }
        guard let tenant = TenantID(identity.record.tenant.id),
            var key = try? P256.Signing.PublicKey(pemRepresentation: known.publicKey),
            Pin(publicKeyDER: key.derRepresentation) == known.pin
        else { throw refused("what this machine has kept of its Key Authority is damaged") }
        for step in answer.successions.suffix(Self.mostSteps) {
            guard let succession = try? KeyAuthoritySuccession(decoding: Array(step.statement)) else {
                throw refused("a statement cannot be read")
            }
            // Those before the pinned key are of the past.
            guard succession.oldKey.rawRepresentation == key.rawRepresentation else { continue }
            let authority = try authority(step.authority, at: succession.issuedAt)
            do { try succession.verify(tenant: tenant, pinned: key, root: authority) } catch {
                throw refused(error.detail)
            }
            key = succession.newKey
        }
        let reached = KeyAuthorityReference(
            pin: Pin(publicKeyDER: key.derRepresentation), publicKey: key.pemRepresentation)
        guard reached.pin == answer.keyAuthority.pin else {
            throw refused("no chain of statements leads from the key that this machine knows to that one")
        }
        return reached
    }

    /// The key of an authority of the installation: of the root itself, or of an intermediate that it has signed.
    private func authority(
        _ pem: String, at moment: RelayTime
    ) throws(EnrollmentClientError) -> KeyAuthoritySuccession.Root {
        guard let rootDER = identity.certificates.last, let der = try? CertificatePEM.decode(pem).first,
            let root = try? Certificate(derEncoded: rootDER), let certificate = try? Certificate(derEncoded: der)
        else { throw refused("the certificate of the authority cannot be read") }
        if der != rootDER {
            let signedAt = Date(timeIntervalSince1970: Double(moment.milliseconds) / 1000)
            guard certificate.issuer == root.subject,
                root.publicKey.isValidSignature(certificate.signature, for: certificate),
                case .isCertificateAuthority = try? certificate.extensions.basicConstraints,
                certificate.notValidBefore <= signedAt, signedAt <= certificate.notValidAfter
            else { throw refused("the authority is none that this installation's root has signed") }
        }
        if let key = P256.Signing.PublicKey(certificate.publicKey) { return .p256(key) }
        if let key = P384.Signing.PublicKey(certificate.publicKey) { return .p384(key) }
        throw refused("the authority's key is of another kind")
    }

    private func refused(_ reason: String) -> EnrollmentClientError {
        EnrollmentClientError(
            .successionRefused, "The tenant's Key Authority has another key, which is not accepted: \(reason).",
            advice: "Ask the administrator whether the Key Authority was rotated. If its old key is lost, this machine"
                + " needs a new invitation: 'postern register --replace'.")
    }
}
