internal import EnrollmentProtocol
internal import Foundation
internal import IdentityStore
internal import MachineIdentity

/// The tenant's answer to a renewal, held against the identity that is renewed.
struct RenewedCertificate: Sendable {
    let answer: EnrollAnswer
    let identity: LoadedIdentity

    /// The identity with the new certificate, if all of it is as it must be.
    ///
    /// One that has ended meanwhile is taken as well: it was asked for before a long silence, and its key counts.
    func verified(for key: IdentityKey, at now: Date) throws(EnrollmentClientError) -> LoadedIdentity {
        let record = identity.record
        guard let root = identity.certificates.last else { throw unexpected("the present identity has no root") }
        let certificates: [[UInt8]]
        do {
            let leaf = try CertificatePEM.decode(answer.certificate)[0]
            let intermediates = try CertificatePEM.decode(answer.chain.joined(separator: "\n")).filter { $0 != root }
            let policy = try MachineLeafPolicy(
                trustDomain: record.trustDomain, intermediates: intermediates, roots: [root])
            let accepted = try policy.judge(leaf, at: min(now, answer.notAfter.addingTimeInterval(-1)))
            guard accepted.keyFingerprint == key.fingerprint else { throw unexpected("it certifies another key") }
            guard accepted.name.connector == record.connectorID, accepted.name.account == record.account,
                accepted.name.tenant == record.tenant.slug
            else { throw unexpected("it certifies another name: \(accepted.name)") }
            certificates = [leaf] + intermediates + [root]
        } catch let error as MachineIdentityError {
            throw unexpected(error.message)
        } catch let error as EnrollmentClientError {
            throw error
        } catch {
            throw unexpected("\(error)")
        }
        guard answer.generation > record.generation else { throw unexpected("its generation is not a newer one") }
        var renewed = record
        renewed.generation = answer.generation
        renewed.notAfter = answer.notAfter
        renewed.renewAt = answer.renewAt
        renewed.recoveryDays = answer.recoveryDays
        return LoadedIdentity(record: renewed, key: key, certificates: certificates)
    }

    private func unexpected(_ reason: String) -> EnrollmentClientError {
        EnrollmentClientError(
            .unexpectedAnswer, "The tenant's renewed certificate is not as it must be: \(reason).",
            advice: "The present one stays in use. Look at this machine's clock and whether both versions fit.")
    }
}
