internal import EnrollmentProtocol
internal import Foundation
internal import MachineIdentity
internal import RelayFormat
internal import RelaySealing

/// What members get where tenant and connectors share a Kafka cluster.
extension EnrollmentServer {
    /// The cluster for a member, and its token; the token is empty where the cluster asks for none.
    func kafkaCredential(
        _ kafka: KafkaSettings, for member: MemberRecord, until end: Date, at now: Date
    ) async throws -> (BrokerEndpoint, token: String) {
        let side = kafka.connectors
        var security = KafkaEndpoint.Security(mechanism: side.mechanism, tls: side.tls, user: side.user)
        if side.tls { security.authorities = try installation.connectorAuthorities() }
        var token = ""
        switch side.mechanism {
        case .none: break
        case .mutualTLS: security.principal = member.id
        case .oauthBearer:
            security.principal = member.id
            token = try await installation.kafkaTokens.mint(
                KafkaTokens.Grant(
                    principal: member.id, tenantID: member.tenant.id, role: member.role, expiresAt: end), now: now)
        case .plain, .scramSHA256, .scramSHA512:
            security.secret = try await sealed(try installation.connectorPassword(), for: member)
        }
        return (
            .kafka(
                KafkaEndpoint(
                    bootstrap: side.bootstrap, layout: kafka.layout, security: security, properties: side.properties)),
            token
        )
    }

    /// A secret that this member alone can read.
    private func sealed(_ secret: Secret, for member: MemberRecord) async throws -> KafkaEndpoint.SealedSecret {
        guard let tenant = TenantID(member.tenant.id), let id = MemberID(member.id) else {
            throw Refusal(.internalError, "The registry holds an id of another form.")
        }
        guard let key = try await scope(member.tenant).newestHPKEKey(of: member) else {
            // It comes with the connector's first words, and with each renewal of its certificate.
            throw Refusal(
                .notReady, "Hand in an HPKE key first (PUT \(APIPath.hpkeKeys)): the password is sealed to it.")
        }
        let credential = try SealedCredential(
            sealing: Array(secret.reveal().utf8), to: key, tenant: tenant, member: id)
        return KafkaEndpoint.SealedSecret(
            suite: Int(key.suite.rawValue), key: key.rawRepresentation, sealed: credential.bytes)
    }
}
