internal import BrokerLink
internal import Connector
internal import EnrollmentClient
internal import EnrollmentProtocol
internal import Foundation
internal import IdentityStore
internal import KafkaBroker
internal import MachineIdentity
internal import RelayFormat

/// By what a connector logs in to Kafka: its certificate, tokens of the tenant, or a password that it opens itself.
struct KafkaKeys: Sendable {
    let connection: TenantConnection
    let credentials: QueueCredentialSource
    let sealing: ConnectorKeys
    let clock: TenantClock

    /// What a login is made of; two that are equal need no new connections.
    struct Login: Sendable, Equatable {
        let mechanism: KafkaMechanism
        let tls: Bool
        let authorities: String?
        let certificate: String?
        let key: Secret?
        let user: String?
        let password: Secret?

        /// The settings for the library.
        func security(tokens keys: KafkaKeys) -> KafkaSecurity {
            var security = KafkaSecurity()
            if tls { security.tls = .init(authoritiesPEM: authorities) }
            switch mechanism {
            case .none: break
            case .mutualTLS:
                security.tls?.certificate = .init(chainPEM: certificate ?? "", keyPEM: key?.reveal() ?? "")
            case .oauthBearer: security.login = .oauthBearer { try await keys.token() }
            case .plain: security.login = .plain(user: user ?? "", password: password?.reveal() ?? "")
            case .scramSHA256:
                security.login = .scram(
                    mechanism: "SCRAM-SHA-256", user: user ?? "", password: password?.reveal() ?? "")
            case .scramSHA512:
                security.login = .scram(
                    mechanism: "SCRAM-SHA-512", user: user ?? "", password: password?.reveal() ?? "")
            }
            return security
        }
    }

    /// What the tenant's answer and this machine's identity make together.
    func login(for endpoint: KafkaEndpoint) async throws -> Login {
        let security = endpoint.security
        guard let mechanism = KafkaMechanism(rawValue: security.mechanism) else {
            throw CommandFailure(
                .version,
                "the tenant's Kafka asks for \"\(security.mechanism.prefix(80))\", which this version does not know",
                advice: "Install a newer version of postern.")
        }
        var certificate: (chain: String, key: Secret)?
        if mechanism == .mutualTLS { certificate = try ownCertificate() }
        return Login(
            mechanism: mechanism, tls: security.tls, authorities: security.authorities,
            certificate: certificate?.chain, key: certificate?.key, user: security.user,
            password: mechanism.hasPassword ? try await password(in: security.secret) : nil)
    }

    /// The connector's own certificate with its whole chain, and the key.
    private func ownCertificate() throws -> (chain: String, key: Secret) {
        let identity = connection.identity
        guard let key = identity.key.machineKey else {
            throw CommandFailure(
                .usage,
                "the tenant's Kafka wants this machine's certificate, but its key is in a token, where the Kafka"
                    + " library cannot use it",
                advice: "Ask the tenant for another way to log in ('postern-tenant kafka set --connector-security"
                    + " oauthbearer'), or register with a key in a file.", reason: "kafka-key")
        }
        return (CertificatePEM.encode(identity.certificates), key.pem())
    }

    private func password(in secret: KafkaEndpoint.SealedSecret?) async throws -> Secret {
        guard let secret else {
            throw CommandFailure(
                .unexpected, "the tenant's answer holds no password for Kafka",
                advice: "Check that both versions fit together.")
        }
        return try await sealing.open(secret)
    }

    /// A token for Kafka.
    ///
    /// It says by this machine's clock when it ends, which is what the library looks at; Kafka judges by its own.
    private func token() async throws -> KafkaSecurity.Token {
        let answer = try await credentials.current().answer
        guard !answer.token.isEmpty, let principal = answer.broker.kafka?.security.principal else {
            throw CommandFailure(
                .unexpected, "the tenant's answer holds no token for Kafka",
                advice: "Check that both versions fit together.")
        }
        let end = answer.expiresAt.timeIntervalSince1970 + clock.localDrift / .seconds(1)
        return KafkaSecurity.Token(value: answer.token, principal: principal, expiresAt: Int64(end * 1000))
    }
}
