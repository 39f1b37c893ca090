internal import CertificateAuthority
public import Foundation
public import IdentityStore
internal import MachineIdentity

extension Installation {
    /// Where the intermediate comes from.
    public enum AuthorityOrigin: Sendable {
        /// A root of our own, made now.
        case ownRoot
        /// A company's root, whose key is at hand: PEM.
        case companyRoot(certificatePEM: String, keyPEM: String)
        /// A company's root that has signed our request: the intermediate, then the root, PEM.
        case signedRequest(chainPEM: String)
    }

    /// Asks a company's root for the intermediate of an installation that is not made yet.
    ///
    /// The key stays in the folder, and `make` finds it by the certificate.
    /// - Returns: the certificate request in PEM.
    public static func requestFirstIntermediate(_ plan: Plan, in folder: StateFolder) throws -> String {
        try folder.prepare()
        guard try folder.read(File.settings) == nil else {
            throw EnrollmentServiceError(
                .alreadyInitialized,
                "\(folder.path) holds an installation already. For its next intermediate: postern-tenant ca request.")
        }
        return try request(trustDomain: try check(plan).trustDomain, in: folder)
    }

    /// Asks the root for the next intermediate of this installation.
    ///
    /// - Returns: the certificate request in PEM.
    public func requestIntermediate() throws -> String {
        try Self.request(trustDomain: settings.trustDomain, in: folder)
    }

    /// Puts an intermediate that the root has signed on request into the place of the present one.
    ///
    /// - Parameter chainPEM: the intermediate, and the root behind it if the signer's tool puts it there.
    public static func installIntermediate(
        _ chainPEM: String, in folder: StateFolder, now: Date
    ) async throws -> AuthorityRotation {
        let installation = try await open(folder, now: now)
        let root = CertificatePEM.encode([installation.authority.rootCertificate])
        let (der, key) = try signed(chainPEM, by: try CompanyRoot(pem: root, now: now), in: folder, now: now)
        let kept = installation.authority.trustedIntermediates.filter { $0 != der }
        try install(der, key: key, former: kept, in: folder)
        return AuthorityRotation(certificate: der, notAfter: try end(of: der), stillTrusted: kept.count)
    }

    /// Makes the authority below a company's root.
    static func authority(
        _ trustDomain: String, below origin: AuthorityOrigin, in folder: StateFolder, now: Date
    ) throws -> IssuingAuthority? {
        let (root, der, key): (CompanyRoot, [UInt8], AuthorityKey)
        switch origin {
        case .ownRoot: return nil
        case .companyRoot(let certificatePEM, let keyPEM):
            root = try CompanyRoot(pem: certificatePEM, now: now)
            key = .makeP256()
            der =
                try root.makeIntermediate(
                    trustDomain: trustDomain, key: key, rootKeyPEM: keyPEM, now: now, serial: .random()
                ).der
        case .signedRequest(let chainPEM):
            root = try CompanyRoot(pem: chainPEM, now: now)
            (der, key) = try signed(chainPEM, by: root, in: folder, now: now)
        }
        try folder.write(Array(CertificatePEM.encode([root.der]).utf8), to: File.root)
        try install(der, key: key, former: [], in: folder)
        return try IssuingAuthority(
            trustDomain: trustDomain, rootCertificate: root.der, intermediateCertificate: der, intermediateKey: key)
    }

    private static func request(trustDomain: String, in folder: StateFolder) throws -> String {
        let key = AuthorityKey.makeP256()
        let request = try IssuingAuthority.requestIntermediate(trustDomain: trustDomain, key: key)
        let id = try CertificateRequest(verifyingPEM: request).keyFingerprint.hex.prefix(16)
        try folder.write(Array(key.pem().utf8), to: File.intermediateKey(id: String(id)))
        return request
    }

    private static func signed(
        _ chainPEM: String, by root: CompanyRoot, in folder: StateFolder, now: Date
    ) throws -> ([UInt8], AuthorityKey) {
        guard let der = try? CertificatePEM.decode(chainPEM).first else {
            throw EnrollmentServiceError(.invalidArgument, "The chain holds no certificate in PEM.")
        }
        let file = File.intermediateKey(id: try keyID(of: der))
        guard let pem = try folder.read(file) else {
            throw EnrollmentServiceError(
                .invalidArgument,
                "The first certificate of the chain is not for a key that was made here: \(folder.path)/\(file) is"
                    + " missing. It has to be the intermediate that was signed on our request, then the root.")
        }
        let key = try AuthorityKey(pem: String(decoding: pem, as: UTF8.self))
        try root.check(intermediate: der, key: key, now: now)
        return (der, key)
    }
}
