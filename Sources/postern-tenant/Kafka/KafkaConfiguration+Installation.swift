internal import EnrollmentProtocol
internal import EnrollmentService
internal import Foundation
internal import KafkaBroker
internal import KafkaTopology
internal import MachineIdentity
internal import RelayFormat

extension KafkaConfiguration {
    /// How the tenant's own processes reach its Kafka; nil for an installation with the embedded broker.
    ///
    /// - Parameter member: who the process is, with tokens: one of the installation's dispatchers.
    /// - Throws: `unreadable` where a file is missing that the settings ask for.
    static func own(_ installation: Installation, as member: MemberID) throws -> KafkaConfiguration? {
        guard let access = try installation.kafkaAccess() else { return nil }
        let (settings, side) = (access.settings, access.settings.tenant)
        let principal = member.description
        return KafkaConfiguration(
            bootstrap: side.bootstrap, layout: settings.layout, role: .dispatcher,
            security: KafkaSecurity(access) {
                let (token, end) = try await installation.kafkaToken(for: principal)
                return KafkaSecurity.Token(
                    value: token.reveal(), principal: principal, expiresAt: Int64(end.timeIntervalSince1970 * 1000))
            }, clientID: "postern-\(member)", properties: side.properties)
    }
}

extension KafkaSecurity {
    /// How the tenant's own processes prove who they are.
    ///
    /// - Parameter token: makes a token for OAUTHBEARER.
    init(_ access: Installation.KafkaAccess, token: @escaping @Sendable () async throws -> Token) {
        let side = access.settings.tenant
        self.init()
        if side.tls {
            tls = TLS(authoritiesPEM: access.authoritiesPEM)
            if let chain = access.certificatePEM, let key = access.keyPEM {
                tls?.certificate = Certificate(chainPEM: chain, keyPEM: key.reveal())
            }
        }
        let (user, password) = (side.user ?? "", access.password?.reveal() ?? "")
        switch side.mechanism {
        case .none, .mutualTLS: break
        case .oauthBearer: login = .oauthBearer(token)
        case .plain: login = .plain(user: user, password: password)
        case .scramSHA256: login = .scram(mechanism: "SCRAM-SHA-256", user: user, password: password)
        case .scramSHA512: login = .scram(mechanism: "SCRAM-SHA-512", user: user, password: password)
        }
    }
}
