internal import Crypto
internal import EnrollmentProtocol
internal import Foundation
internal import MachineIdentity

/// The tenant's answer to a certificate request, held against everything that the machine knows before.
struct CertificateAnswer: Sendable {
    let answer: EnrollAnswer
    let request: RegistrationRequest
    let finding: ServerExamination.Finding

    init(_ answer: EnrollAnswer, request: RegistrationRequest, finding: ServerExamination.Finding) {
        self.answer = answer
        self.request = request
        self.finding = finding
    }

    /// The certificate and what leads from it to the root, in DER, if all of it is as it must be.
    func verified(for key: IdentityKey, at now: Date) throws(EnrollmentClientError) -> [[UInt8]] {
        let leaf: [UInt8]
        let intermediates: [[UInt8]]
        do {
            leaf = try CertificatePEM.decode(answer.certificate)[0]
            intermediates = try CertificatePEM.decode(answer.chain.joined(separator: "\n")).filter {
                $0 != finding.root
            }
            let policy = try MachineLeafPolicy(
                trustDomain: finding.trustDomain, intermediates: intermediates, roots: [finding.root])
            let accepted = try policy.judge(leaf, at: now)
            guard accepted.keyFingerprint == key.fingerprint else { throw unexpected("it certifies another key") }
            guard accepted.name.connector == answer.connectorID, accepted.name.account == request.account,
                answer.account == request.account, accepted.name.tenant == answer.tenant.slug
            else { throw unexpected("it certifies another name: \(accepted.name)") }
        } catch let error as MachineIdentityError {
            let isClock = [.certificateNotYetValid, .certificateExpired].contains(error.code)
            throw unexpected(
                error.message, advice: isClock ? "Set this machine's clock (\(now.ISO8601Format()))." : nil)
        } catch let error as EnrollmentClientError {
            throw error
        } catch {
            throw unexpected("\(error)")
        }
        try verifyKeyAuthority()
        return [leaf] + intermediates + [finding.root]
    }

    private func verifyKeyAuthority() throws(EnrollmentClientError) {
        let authority = answer.keyAuthority
        guard let key = try? P256.Signing.PublicKey(pemRepresentation: authority.publicKey),
            Pin(publicKeyDER: key.derRepresentation) == authority.pin
        else { throw unexpected("its Key Authority's key does not fit its pin") }
        if let expected = request.keyAuthority, expected != authority.pin {
            throw EnrollmentClientError(
                .keyAuthorityPinMismatch,
                "The tenant's Key Authority has the key \(authority.pin), but \(expected) is expected.",
                advice: "The identity was not saved. Ask the administrator for a new invitation.")
        }
    }

    private func unexpected(_ reason: String, advice: String? = nil) -> EnrollmentClientError {
        EnrollmentClientError(
            .unexpectedAnswer, "The tenant's certificate is not as it must be: \(reason).",
            advice: advice ?? "The identity was not saved. Look whether both versions fit.")
    }
}
