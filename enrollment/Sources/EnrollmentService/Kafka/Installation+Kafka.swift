internal import EnrollmentProtocol
public import Foundation
public import IdentityStore
public import MachineIdentity
internal import SwiftASN1
internal import X509

extension Installation {
    /// What the tenant's own processes need at the Kafka cluster, out of the state folder.
    public struct KafkaAccess: Sendable {
        /// The settings.
        public let settings: KafkaSettings
        /// The certificates that the servers' must come from, PEM; nil for those of the system.
        public let authoritiesPEM: String?
        /// The certificate with what leads to its root, PEM.
        public let certificatePEM: String?
        /// The key to the certificate, PEM.
        public let keyPEM: Secret?
        /// The password of `plain` and `scram`.
        public let password: Secret?
    }

    /// For whom the tokens are with which members log in to Kafka.
    public static let kafkaAudience = KafkaTokens.audience

    /// How the tenant's own processes reach Kafka; nil for an installation with the embedded broker.
    ///
    /// - Throws: `unreadable` where a file is missing that the settings ask for.
    public func kafkaAccess() throws -> KafkaAccess? {
        guard let kafka = settings.kafka else { return nil }
        let isMutual = kafka.tenant.mechanism == .mutualTLS
        return KafkaAccess(
            settings: kafka,
            authoritiesPEM: kafka.tenant.tls ? try optional(.authorities) : nil,
            certificatePEM: isMutual ? try required(.certificate) : nil,
            keyPEM: isMutual ? Secret(try required(.certificateKey)) : nil,
            password: kafka.tenant.mechanism.hasPassword ? Secret(try required(.password)) : nil)
    }

    /// A token with which a process of the tenant itself logs in to Kafka.
    ///
    /// - Parameter principal: who it is there.
    public func kafkaToken(for principal: String, now: Date = Date()) async throws -> (token: Secret, expiresAt: Date) {
        let end = now.addingTimeInterval(KafkaTokens.life)
        let token = try await kafkaTokens.mint(
            KafkaTokens.Grant(principal: principal, tenantID: nil, role: .dispatcher, expiresAt: end), now: now)
        return (Secret(token), end)
    }

    /// Changes how Kafka is reached: what serves already learns of it when it starts again.
    ///
    /// - Parameters:
    ///   - kafka: the settings; nil for the embedded broker.
    ///   - files: the files that come with them; the others stay as they are.
    /// - Throws: `invalidArgument` for settings that cannot be.
    public static func configureKafka(
        _ kafka: KafkaSettings?, files: [KafkaFile: String], in folder: StateFolder
    ) throws {
        guard folder.exists, let stored = try folder.read(File.settings) else {
            throw EnrollmentServiceError(.notInitialized, "\(folder.path) holds no installation.")
        }
        var settings = try decode(InstallationSettings.self, stored, File.settings)
        if let kafka {
            try check(kafka, files: files, in: folder)
            // The files come first: settings never name what is not there.
            for (file, content) in files { try folder.write(Array(content.utf8), to: file.rawValue) }
        }
        settings.kafka = kafka
        try write(settings, to: folder)
        if kafka == nil { for file in KafkaFile.allCases { try folder.remove(file.rawValue) } }
    }

    /// Refuses settings that cannot work, as far as that can be seen without the cluster.
    static func check(_ kafka: KafkaSettings, files: [KafkaFile: String], in folder: StateFolder?) throws {
        if let flaw = kafka.flaw { throw EnrollmentServiceError(.invalidArgument, "\(flaw).") }
        func content(_ file: KafkaFile) throws -> String? {
            if let given = files[file] { return given }
            return try folder?.read(file.rawValue).map { String(decoding: $0, as: UTF8.self) }
        }
        func missing(_ what: String) -> EnrollmentServiceError {
            EnrollmentServiceError(.invalidArgument, "\(what).")
        }
        if kafka.tenant.mechanism == .mutualTLS {
            guard let chain = try content(.certificate), let key = try content(.certificateKey) else {
                throw missing("mtls needs a certificate and its key: --kafka-cert FILE --kafka-key FILE")
            }
            guard let leaf = try? CertificatePEM.decode(chain).first.map({ try Certificate(derEncoded: $0) }),
                let privateKey = try? Certificate.PrivateKey(pemEncoded: key), privateKey.publicKey == leaf.publicKey
            else { throw missing("The certificate for Kafka and its key do not fit, or are not PEM") }
        }
        if kafka.tenant.mechanism.hasPassword, try content(.password) == nil {
            throw missing("\(kafka.tenant.mechanism.rawValue) needs a password: --kafka-password-file FILE")
        }
        if kafka.connectors.mechanism.hasPassword, try content(.connectorPassword) == nil {
            throw missing("\(kafka.connectors.mechanism.rawValue) needs a password: --connector-password-file FILE")
        }
        for file in [KafkaFile.authorities, .connectorAuthorities] {
            guard let text = files[file] else { continue }
            guard let found = try? CertificatePEM.decode(text), !found.isEmpty else {
                throw missing("The file of authorities for Kafka holds no certificates in PEM")
            }
        }
    }

    /// What the connectors trust at the cluster, PEM; nil for what their systems trust.
    func connectorAuthorities() throws -> String? { try optional(.connectorAuthorities) }

    /// The password that all connectors have at the cluster.
    func connectorPassword() throws -> Secret { Secret(try required(.connectorPassword)) }

    private func optional(_ file: KafkaFile) throws -> String? {
        try folder.read(file.rawValue).map { String(decoding: $0, as: UTF8.self) }
    }

    private func required(_ file: KafkaFile) throws -> String { try Self.text(in: file.rawValue, of: folder) }
}
