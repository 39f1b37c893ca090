internal import Foundation
internal import KafkaBroker
internal import KafkaTopology
internal import TestTools

/// The ways into the real Kafka with rules of access.
struct SecureCluster {
    let kafka: SecureKafka

    /// The cluster; nil where there is none.
    static let given: SecureCluster? = SecureKafka.given.map { SecureCluster(kafka: $0) }

    /// The way in of an administrator.
    func administrator() throws -> KafkaConfiguration { try configuration("user", "password") }

    /// The way in of somebody else.
    func other() throws -> KafkaConfiguration { try configuration("other", "other-password") }

    /// The administrator with a password that is wrong.
    func wrong() throws -> KafkaConfiguration {
        var configuration = try administrator()
        configuration.security.login = .scram(
            mechanism: "SCRAM-SHA-512", user: kafka.values["user"] ?? "", password: "no such password")
        return configuration
    }

    private func configuration(_ user: String, _ password: String) throws -> KafkaConfiguration {
        let authorities = try kafka.values["ca"].map { try String(contentsOfFile: $0, encoding: .utf8) }
        return KafkaConfiguration(
            bootstrap: kafka.bootstrap, role: .dispatcher,
            security: KafkaSecurity(
                tls: .init(authoritiesPEM: authorities),
                login: .scram(
                    mechanism: "SCRAM-SHA-512", user: kafka.values[user] ?? "", password: kafka.values[password] ?? "")),
            clientID: "admin-tests")
    }
}
