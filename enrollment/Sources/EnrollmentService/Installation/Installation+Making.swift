internal import CertificateAuthority
public import Foundation
public import IdentityStore
internal import MachineIdentity

extension Installation {
    /// What `init` is told.
    public struct Plan: Sendable {
        /// The hosts of the self-issued TLS certificate; the first stands in the URL where none is given.
        public var hosts: [String]
        /// The name under which certificates stand; made from the first host where none is given.
        public var trustDomain: String?
        /// Where connectors and operators reach the port.
        public var publicURL: String
        /// An operator's own TLS certificate with its chain and key, PEM, in place of a self-issued one.
        public var ownTLS: (chainPEM: String, keyPEM: String)?
        /// Whose root stands above it.
        public var authority = AuthorityOrigin.ownRoot
        /// How many seconds the certificates of connectors live; a day where nothing is said.
        public var certificateLife: Int?

        /// The Kafka cluster, with the files that belong to it; nil for the embedded broker.
        public var kafka: (settings: KafkaSettings, files: [KafkaFile: String])?

        /// Makes a plan.
        public init(
            hosts: [String], trustDomain: String?, publicURL: String, ownTLS: (chainPEM: String, keyPEM: String)?,
            certificateLife: Int? = nil
        ) {
            self.hosts = hosts
            self.trustDomain = trustDomain
            self.publicURL = publicURL
            self.ownTLS = ownTLS
            self.certificateLife = certificateLife
        }
    }

    /// Makes an installation: keys, certificates, an empty registry.
    ///
    /// The settings are written last, so that a run that was cut off can be repeated.
    ///
    /// - Throws: `alreadyInitialized` where there is one; `invalidArgument` for hosts, names or URLs of the wrong form.
    public static func make(_ plan: Plan, in folder: StateFolder, now: Date) async throws -> Installation {
        try folder.prepare()
        guard try folder.read(File.settings) == nil else {
            throw EnrollmentServiceError(
                .alreadyInitialized, "\(folder.path) holds an installation already; nothing was changed.")
        }
        let (hosts, trustDomain) = try check(plan)
        let authority =
            try Self.authority(trustDomain, below: plan.authority, in: folder, now: now)
            ?? makeAuthority(trustDomain, in: folder, now: now)
        try makeTLS(plan, hosts: hosts, authority: authority, in: folder, now: now)
        _ = try folder.writeOnce(Array(MachineKey().pem().reveal().utf8), to: File.tokenKey)
        var generator = SystemRandomNumberGenerator()
        let pepper = (0..<Pepper.byteCount).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        _ = try folder.writeOnce(pepper, to: File.pepper)
        if let kafka = plan.kafka {
            for (file, content) in kafka.files { try folder.write(Array(content.utf8), to: file.rawValue) }
        }
        let settings = InstallationSettings(
            trustDomain: trustDomain, publicURL: plan.publicURL, hosts: plan.ownTLS == nil ? plan.hosts : [],
            dispatcherID: RegistryID.random(), certificateLife: plan.certificateLife, kafka: plan.kafka?.settings)
        try write(settings, to: folder)
        return try await open(folder, now: now)
    }

    static func write(_ settings: InstallationSettings, to folder: StateFolder) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try folder.write(try encoder.encode(settings), to: File.settings)
    }

    /// Refuses hosts, a URL or a trust domain of the wrong form.
    static func check(_ plan: Plan) throws -> (hosts: [ServerHost], trustDomain: String) {
        let hosts = try plan.hosts.map { host in
            do { return try ServerHost(host) } catch {
                throw EnrollmentServiceError(.invalidArgument, "“\(host)” is no host name or address.")
            }
        }
        guard let first = plan.hosts.first else {
            throw EnrollmentServiceError(.invalidArgument, "At least one --host is needed.")
        }
        guard let url = URLComponents(string: plan.publicURL), url.scheme == "https", url.host?.isEmpty == false,
            url.path.isEmpty, url.query == nil, url.fragment == nil, url.user == nil
        else {
            throw EnrollmentServiceError(
                .invalidArgument, "“\(plan.publicURL)” is no URL of the form https://host[:port].")
        }
        guard plan.certificateLife.map(InstallationSettings.certificateLives.contains) ?? true else {
            throw EnrollmentServiceError(
                .invalidArgument, "Certificates live for ten minutes at least and seven days at most.")
        }
        if let kafka = plan.kafka { try Self.check(kafka.settings, files: kafka.files, in: nil) }
        let trustDomain = plan.trustDomain ?? Self.trustDomain(of: first)
        guard MachineName.isTrustDomain(trustDomain) else {
            throw EnrollmentServiceError(.invalidArgument, "“\(trustDomain)” is no trust domain; give --trust-domain.")
        }
        return (hosts, trustDomain)
    }

    private static func makeAuthority(
        _ trustDomain: String, in folder: StateFolder, now: Date
    ) throws -> IssuingAuthority {
        let rootKey = AuthorityKey.makeP384()
        let root = try IssuingAuthority.makeRoot(
            trustDomain: trustDomain, key: rootKey, now: now, serial: .random())
        let key = AuthorityKey.makeP256()
        let intermediate = try IssuingAuthority.makeIntermediate(
            trustDomain: trustDomain, key: key, rootCertificate: root.der, rootKey: rootKey, now: now,
            serial: .random())
        try folder.write(Array(rootKey.pem().utf8), to: File.rootKey)
        try folder.write(Array(root.pem.utf8), to: File.root)
        try folder.write(Array(key.pem().utf8), to: File.intermediateKey)
        try folder.write(Array(intermediate.pem.utf8), to: File.intermediate)
        return try IssuingAuthority(
            trustDomain: trustDomain, rootCertificate: root.der, intermediateCertificate: intermediate.der,
            intermediateKey: key)
    }

    private static func makeTLS(
        _ plan: Plan, hosts: [ServerHost], authority: IssuingAuthority, in folder: StateFolder, now: Date
    ) throws {
        let (chain, keyPEM): (String, String)
        if let own = plan.ownTLS {
            _ = try issuer(ofTLSChain: own.chainPEM, keyPEM: own.keyPEM)
            (chain, keyPEM) = (own.chainPEM, own.keyPEM)
        } else {
            let key = MachineKey()
            let issued = try authority.issueServerCertificate(
                publicKey: key.publicKey, hosts: hosts, now: now, serial: .random())
            (chain, keyPEM) = (issued.pem + authority.chainPEM, key.pem().reveal())
        }
        try folder.write(Array(chain.utf8), to: File.tls)
        try folder.write(Array(keyPEM.utf8), to: File.tlsKey)
    }

    /// A trust domain is a DNS name; an address is put into one.
    private static func trustDomain(of host: String) -> String {
        MachineName.isTrustDomain(host) && !host.allSatisfy({ $0.isNumber || $0 == "." }) ? host : "postern.internal"
    }
}
