public import AuditStore
public import CertificateAuthority
public import EnrollmentProtocol
public import Foundation
public import IdentityStore
internal import Crypto
public import Logging
internal import MachineIdentity
internal import SwiftASN1
internal import X509

/// An installation on its disk: the keys that issue, the TLS certificate, the registry of its tenants.
///
/// | file | what | who needs it |
/// | --- | --- | --- |
/// | `root.key` | the root's private key | only a key ceremony: move it offline after `init` |
/// | `ca.pem` | the root certificate | anyone who connects (`curl --cacert`) |
/// | `intermediate.pem` | what signs connectors, then what signed before | the enrollment role |
/// | `intermediate.key`, `intermediate-ID.key` | its key: the first one's, that of a rotation | the enrollment role |
/// | `tls.key`, `tls.pem` | what the port shows | every role |
/// | `token.key`, `token-ID.key` | what signs tokens: the first one, that of a rotation | the enrollment role |
/// | `pepper` | the key under which secrets are digested | enrollment and dispatcher roles |
/// | `key-authority-TENANT….key` | a tenant's Key Authority | the enrollment role, unless it was moved elsewhere |
/// | `dispatcher.key`, `dispatcher-hpke.key` | the dispatcher's identity key and HPKE keys | the dispatcher role |
/// | `dispatcher-NAME.key`, `dispatcher-hpke-NAME.key` | the same of a further instance | that instance |
/// | `registry.sqlite` | tenants, accounts, connectors, keys | every role |
/// | `queue.sqlite` | the embedded broker's durable records | the broker role |
/// | `ledger.sqlite` | submissions with their results | the dispatcher role |
/// | `ledger-NAME.sqlite` | those of a further instance | that instance |
/// | `kafka-….pem`, `kafka-….key` | what belongs to the section `kafka` of the settings | enrollment and dispatcher roles |
/// | `audit.sqlite` | who did what, chained by hashes | every role |
public struct Installation: Sendable {
    /// The names of the files.
    enum File {
        static let settings = "installation.json"
        static let root = "ca.pem"
        static let rootKey = "root.key"
        static let intermediate = "intermediate.pem"
        static let intermediateKey = "intermediate.key"
        static let tls = "tls.pem"
        static let tlsKey = "tls.key"
        static let tokenKey = "token.key"
        static let pepper = "pepper"
        static let registry = "registry.sqlite"
        static let queue = "queue.sqlite"
        static let ledger = "ledger.sqlite"
        static func intermediateKey(id: String) -> String { "intermediate-\(id).key" }
        static let audit = "audit.sqlite"
        static func keyAuthority(of tenant: String) -> String { "key-authority-\(tenant).key" }
    }

    /// The folder in which everything lies.
    public let folder: StateFolder
    /// What it was told at `init`.
    public let settings: InstallationSettings
    /// What issues certificates.
    public let authority: IssuingAuthority
    /// The tenants and all that is theirs.
    public let registry: Registry
    /// What the port shows: the server's certificate with what leads to its issuer, PEM.
    public let tlsChainPEM: String
    /// The key of that certificate, PEM.
    public let tlsKeyPEM: String
    /// What makes and checks queue credentials.
    public let tokens: QueueTokens
    /// What makes and checks access tokens.
    let accessTokens: AccessTokens
    /// What makes tokens for a Kafka cluster.
    let kafkaTokens: KafkaTokens
    /// Where it is put on record who did what: a log for each tenant, named by its id, and `auditLog`.
    public let audit: AuditTrail

    /// The log of what concerns no tenant, or nobody that is known.
    public static let auditLog = "installation"

    /// Opens what `initialize` made.
    ///
    /// - Throws: `notInitialized` for a folder without an installation; the state folder's errors for one that others
    ///   may use.
    public static func open(
        _ folder: StateFolder, now: Date = Date(),
        logger: Logger = Logger(label: "postern-tenant") { _ in SwiftLogNoOpLogHandler() }
    ) async throws -> Installation {
        guard folder.exists, let settings = try folder.read(File.settings) else {
            throw EnrollmentServiceError(
                .notInitialized,
                "\(folder.path) holds no installation. Make one: postern-tenant init --state-dir \(folder.path)"
                    + " --host NAME")
        }
        try folder.check()
        let known = try decode(InstallationSettings.self, settings, File.settings)
        let registry = try Registry(
            path: folder.path + "/" + File.registry, pepper: Pepper(bytes: try content(of: File.pepper, in: folder)),
            recovery: known.recovery)
        if try registry.keptTokenKeys().isEmpty {
            try adoptTokenKey(pem: try text(in: File.tokenKey, of: folder), registry: registry)
        }
        let keyring = TokenKeyring(registry: registry, folder: folder)
        return Installation(
            folder: folder, settings: known,
            authority: try authority(
                known.trustDomain, machineLifetime: testLife ?? known.certificateLife, in: folder, registry: registry,
                now: now),
            registry: registry,
            tlsChainPEM: try text(in: File.tls, of: folder), tlsKeyPEM: try text(in: File.tlsKey, of: folder),
            tokens: QueueTokens(keyring: keyring, issuer: known.publicURL),
            accessTokens: AccessTokens(keyring: keyring, issuer: known.publicURL),
            kafkaTokens: KafkaTokens(keyring: keyring, issuer: known.publicURL),
            audit: AuditTrail(
                file: try await auditFile(in: folder, logger: logger), logger: logger,
                now: { UInt64(max(0, Date().timeIntervalSince1970 * 1000)) }))
    }

    /// The file of the embedded broker.
    public var queuePath: String { folder.path + "/" + File.queue }

    /// The file of the dispatcher's submissions.
    public var ledgerPath: String { folder.path + "/" + File.ledger }

    /// The file of the submissions of an instance of the dispatcher.
    public func ledgerPath(ofInstance name: String) -> String {
        name == DispatcherInstance.usualName ? ledgerPath : folder.path + "/ledger-\(name).sqlite"
    }

    /// The pin of the root's key, which invitations carry.
    public var authorityPin: Pin {
        get throws { try Self.pin(ofCertificate: authority.rootCertificate) }
    }

    /// The pin of the key that signed the server's TLS certificate.
    public var serverIssuerPin: Pin {
        get throws {
            let known = authority.trustedIntermediates + [authority.rootCertificate]
            return try Self.pin(ofCertificate: Self.issuer(ofTLSChain: tlsChainPEM, keyPEM: tlsKeyPEM, known: known))
        }
    }

    /// Finds, in DER, who signed a server certificate, and checks that the key is its own.
    ///
    /// The issuer stands behind the certificate, among those that are known, or is the certificate itself.
    /// - Throws: `invalidArgument` where certificate and key do not fit or the issuer is missing, without which no
    ///   connector could tell the server from an interceptor.
    static func issuer(ofTLSChain chain: String, keyPEM: String, known: [[UInt8]] = []) throws -> [UInt8] {
        let shown: [[UInt8]]
        let leaf: Certificate
        do {
            shown = try CertificatePEM.decode(chain)
            leaf = try Certificate(derEncoded: shown[0])
        } catch {
            throw EnrollmentServiceError(.invalidArgument, "The TLS certificate cannot be read: \(error)")
        }
        guard let key = try? Certificate.PrivateKey(pemEncoded: keyPEM) else {
            throw EnrollmentServiceError(.invalidArgument, "The TLS key is no private key in PEM, or has a password.")
        }
        guard key.publicKey == leaf.publicKey else {
            throw EnrollmentServiceError(.invalidArgument, "The TLS key is not that of the first certificate.")
        }
        let issuer = (shown.dropFirst() + known + [shown[0]]).first { der in
            guard let candidate = try? Certificate(derEncoded: der) else { return false }
            return candidate.subject == leaf.issuer && candidate.publicKey.isValidSignature(leaf.signature, for: leaf)
        }
        guard let issuer else {
            throw EnrollmentServiceError(
                .invalidArgument,
                "The issuer of the TLS certificate, \(leaf.issuer), is missing: put its certificate behind the server's."
            )
        }
        return issuer
    }

    /// Makes a tenant with its Key Authority and its first administrator.
    ///
    /// - Returns: the tenant, and the administrator's credential, which is told this once.
    public func createTenant(slug: String, name: String, now: Date) throws -> (Tenant, SecretToken) {
        guard MachineName.isSlug(slug) else {
            throw EnrollmentServiceError(
                .invalidArgument, "“\(slug.prefix(80))” is no tenant name: use a-z, 0-9 and -, at most 63 of them.")
        }
        let key = MachineKey()
        let tenant = Tenant(
            id: RegistryID.random(), slug: slug, name: name, keyAuthority: key.publicKey.pemRepresentation)
        // The key comes first: a key without a tenant harms nobody, a tenant without its key cannot be mended.
        _ = try folder.writeOnce(Array(key.pem().reveal().utf8), to: File.keyAuthority(of: tenant.id))
        do {
            try registry.createTenant(tenant, at: now)
        } catch {
            try folder.remove(File.keyAuthority(of: tenant.id))
            throw error
        }
        return (tenant, try registry.createAdministrator(named: "admin", of: tenant, at: now))
    }

    private static func pin(ofCertificate der: [UInt8]) throws -> Pin {
        let key = try Certificate(derEncoded: der).publicKey
        return Pin(publicKeyDER: try key.serializeAsPEM().derBytes)
    }

    private static func auditFile(in folder: StateFolder, logger: Logger) async throws -> AuditFile {
        do {
            return try await AuditFile.open(path: folder.path + "/" + File.audit, logger: logger)
        } catch {
            throw EnrollmentServiceError(.unreadable, error.message)
        }
    }

    static func content(of name: String, in folder: StateFolder) throws -> [UInt8] {
        guard let content = try folder.read(name) else {
            throw EnrollmentServiceError(
                .unreadable, "\(folder.path)/\(name) is missing; restore it from the installation's backup.")
        }
        return content
    }

    static func text(in name: String, of folder: StateFolder) throws -> String {
        String(decoding: try content(of: name, in: folder), as: UTF8.self)
    }

    static func certificate(in name: String, of folder: StateFolder) throws -> [UInt8] {
        guard let first = try CertificatePEM.decode(try text(in: name, of: folder)).first else {
            throw EnrollmentServiceError(.unreadable, "\(folder.path)/\(name) holds no certificate.")
        }
        return first
    }

    static func decode<Value: Decodable>(
        _ type: Value.Type, _ content: [UInt8], _ name: String
    ) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(content))
        } catch {
            throw EnrollmentServiceError(.unreadable, "\(name) cannot be understood: \(error)")
        }
    }
}
