internal import Foundation
public import MachineIdentity
public import NIOSSL

/// The TLS settings of every connection to a tenant: TLS 1.2 at least, one trust rule, and the machine's certificate.
public struct ClientTLS: Sendable {
    /// Whom to believe.
    public var trust: ServerTrust
    /// A file of PEM certificates that stands for the system's authorities (`SSL_CERT_FILE`).
    public var systemAuthorityFile: String?
    /// The certificate in DER, with what leads to the root; empty for none.
    public var certificates: [[UInt8]]
    /// The key of the certificate.
    public var key: IdentityKey?

    /// Makes settings without a client certificate.
    public init(trust: ServerTrust, systemAuthorityFile: String? = nil) {
        self.trust = trust
        self.systemAuthorityFile = systemAuthorityFile
        certificates = []
        key = nil
    }

    /// Makes settings with a client certificate.
    public init(
        trust: ServerTrust, systemAuthorityFile: String? = nil, certificates: [[UInt8]], key: IdentityKey
    ) {
        self.trust = trust
        self.systemAuthorityFile = systemAuthorityFile
        self.certificates = certificates
        self.key = key
    }

    /// The settings for NIOSSL; they check the host name, and offer HTTP/1.1.
    public func configuration() throws(EnrollmentClientError) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.certificateVerification = .fullVerification
        configuration.applicationProtocols = ["http/1.1"]
        configuration.trustRoots = try trustRoots()
        if let key {
            do {
                configuration.certificateChain = try certificates.map {
                    .certificate(try NIOSSLCertificate(bytes: $0, format: .der))
                }
                let tlsKey =
                    switch key {
                    case .memory(let key):
                        try NIOSSLPrivateKey(bytes: Array(key.pem().reveal().utf8), format: .pem)
                    case .held(let key): NIOSSLPrivateKey(customPrivateKey: HeldTLSKey(key: key))
                    }
                configuration.privateKey = .privateKey(tlsKey)
            } catch {
                throw EnrollmentClientError(
                    .refused, "The machine's certificate or key cannot be used: \(error).",
                    advice: "Register again with a new invitation.")
            }
        }
        return configuration
    }

    private func trustRoots() throws(EnrollmentClientError) -> NIOSSLTrustRoots {
        switch trust {
        case .installation(let pem):
            guard let roots = try? NIOSSLCertificate.fromPEMBytes(Array(pem.utf8)), !roots.isEmpty else {
                throw EnrollmentClientError(
                    .invalidAuthorityFile, "The installation's root certificate cannot be read.",
                    advice: "Register again with a new invitation.")
            }
            return .certificates(roots)
        case .file(let path):
            return .certificates(try Self.authorities(in: path))
        case .system:
            guard let systemAuthorityFile else { return .default }
            return .certificates(try Self.authorities(in: systemAuthorityFile))
        }
    }

    private static func authorities(in path: String) throws(EnrollmentClientError) -> [NIOSSLCertificate] {
        guard let text = FileManager.default.contents(atPath: path),
            let authorities = try? NIOSSLCertificate.fromPEMBytes(Array(text)), !authorities.isEmpty
        else {
            throw EnrollmentClientError(
                .invalidAuthorityFile, "There are no certificates in PEM in the file \(path).",
                advice: "Look whether the file is there and readable: openssl x509 -in '\(path)' -noout -subject")
        }
        return authorities
    }
}
