internal import BrokerLink
internal import EnrollmentProtocol
internal import EnrollmentService
internal import Foundation
internal import RelayFormat

extension LinkPrincipal {
    /// Lets a member in whose credential and proof the enrollment service takes.
    ///
    /// - Throws: `LinkError`: revoked members are told so for good, all else may be tried again with a new credential.
    init(_ enrollment: EnrollmentServer, credential: LinkCredential, nonce: [UInt8]) async throws {
        let known: QueuePrincipal
        do {
            known = try await enrollment.verify(token: credential.token, proof: credential.proof, nonce: nonce)
        } catch {
            let refusal: LinkRefusal =
                switch error.code {
                case .revokedCredential: .revoked
                case .frozenMember: .frozen
                case .replacedBoot: .replaced
                case .expiredCredential: .expired
                case .registry: .overloaded
                default: .unauthenticated
                }
            throw LinkError(.refused(refusal), error.message)
        }
        guard let tenant = TenantID(known.tenant.id), let member = MemberID(known.memberID),
            let boot = BootID(known.bootID)
        else { throw LinkError(.refused(.denied), "the credential names no member of the relay") }
        self.init(
            tenant: tenant, member: member, boot: boot, role: known.role == .dispatcher ? .dispatcher : .connector,
            groups: Set(known.groups.compactMap { GroupID($0.id) }),
            expiresAt: RelayTime(milliseconds: UInt64(max(0, known.expiresAt.timeIntervalSince1970 * 1000))))
    }
}

extension LinkRefusal {
    /// Why a member has no link that stands like this; nil when it may have one.
    init?(_ standing: ConnectorState) {
        switch standing {
        case .active: return nil
        case .frozen: self = .frozen
        case .revoked: self = .revoked
        }
    }
}
