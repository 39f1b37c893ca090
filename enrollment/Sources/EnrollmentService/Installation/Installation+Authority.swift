internal import CertificateAuthority
public import Foundation
public import IdentityStore
internal import MachineIdentity
internal import SwiftASN1
internal import X509

/// The intermediate: which one signs, which ones are still believed, and how the next one is made.
///
/// `intermediate.pem` holds them all, the one that signs first, and is replaced in one step. A key has the name of its
/// certificate, so that no crash leaves a certificate with a key that is not its own.
extension Installation {
    /// What a rotation of the intermediate did.
    public struct AuthorityRotation: Sendable {
        /// The intermediate that signs from the next start on, in DER.
        public let certificate: [UInt8]
        /// When it ends.
        public let notAfter: Date
        /// How many intermediates from before are still believed.
        public let stillTrusted: Int
    }

    static func authority(
        _ trustDomain: String, machineLifetime: Int?, in folder: StateFolder, registry: Registry, now: Date
    ) throws -> IssuingAuthority {
        let intermediates = try CertificatePEM.decode(try text(in: File.intermediate, of: folder))
        let key = try AuthorityKey(pem: try text(in: try keyFile(of: intermediates[0], in: folder), of: folder))
        return try IssuingAuthority(
            trustDomain: trustDomain, rootCertificate: try certificate(in: File.root, of: folder),
            intermediateCertificate: intermediates[0], intermediateKey: key,
            formerIntermediates: try stillNeeded(Array(intermediates.dropFirst()), registry: registry, now: now),
            machineLifetime: machineLifetime)
    }

    /// Makes the next intermediate with the root's key; the tenant signs with it from its next start on.
    ///
    /// The one before stays believed until the last machine's certificate of it has ended.
    ///
    /// - Parameters:
    ///   - rootKeyPEM: the root's key; nil takes `root.key` of the state folder, brought back for the ceremony.
    ///   - distrustFormer: after a theft: whatever an intermediate from before has signed is refused.
    /// - Throws: `invalidArgument` where the root's key is missing or another one.
    public static func rotateIntermediate(
        in folder: StateFolder, rootKeyPEM: String?, distrustFormer: Bool, now: Date
    ) async throws -> AuthorityRotation {
        let installation = try await open(folder, now: now)
        guard let pem = try rootKeyPEM ?? folder.read(File.rootKey).map({ String(decoding: $0, as: UTF8.self) }) else {
            throw EnrollmentServiceError(
                .invalidArgument,
                "The root's key is needed, and \(folder.path)/\(File.rootKey) is not there: bring it back from its safe"
                    + " place for this, or name it with --root-key.")
        }
        let rootKey: AuthorityKey
        do { rootKey = try AuthorityKey(pem: pem) } catch {
            throw EnrollmentServiceError(.invalidArgument, "The root's key cannot be used: \(error.message).")
        }
        let key = AuthorityKey.makeP256()
        let issued: IssuedCertificate
        do {
            issued = try IssuingAuthority.makeIntermediate(
                trustDomain: installation.settings.trustDomain, key: key,
                rootCertificate: installation.authority.rootCertificate, rootKey: rootKey, now: now, serial: .random())
        } catch {
            throw EnrollmentServiceError(
                .invalidArgument, "The next intermediate could not be made: \(error.message). The root is ca.pem.")
        }
        // The present one stays in any case: it signs until the restart, and whoever it certifies then is to be believed.
        let kept = distrustFormer ? [] : installation.authority.trustedIntermediates
        try install(issued.der, key: key, former: kept, in: folder)
        return AuthorityRotation(certificate: issued.der, notAfter: issued.notAfter, stillTrusted: kept.count)
    }

    /// Puts an intermediate and its key in the place of the present one; the certificates change in one step.
    static func install(
        _ certificate: [UInt8], key: AuthorityKey, former: [[UInt8]], in folder: StateFolder
    ) throws {
        try folder.write(Array(key.pem().utf8), to: File.intermediateKey(id: try keyID(of: certificate)))
        let old = try folder.read(File.intermediate).map {
            try CertificatePEM.decode(String(decoding: $0, as: UTF8.self))
        }
        try folder.write(Array(CertificatePEM.encode([certificate] + former).utf8), to: File.intermediate)
        // What nobody signs with any more needs no key.
        for der in old ?? [] where der != certificate {
            try folder.remove(File.intermediateKey(id: try keyID(of: der)))
        }
        try folder.remove(File.intermediateKey)
    }

    /// Those of which a machine has a certificate that has not ended.
    private static func stillNeeded(_ former: [[UInt8]], registry: Registry, now: Date) throws -> [[UInt8]] {
        let valid = try former.filter { try Certificate(derEncoded: $0).notValidAfter > now }
        guard !valid.isEmpty else { return [] }
        let issuers = Set(
            try registry.liveCertificates(at: now).compactMap { try? Certificate(derEncoded: $0).issuer })
        return try valid.filter { issuers.contains(try Certificate(derEncoded: $0).subject) }
    }

    /// When a certificate ends.
    static func end(of certificate: [UInt8]) throws -> Date { try Certificate(derEncoded: certificate).notValidAfter }

    private static func keyFile(of certificate: [UInt8], in folder: StateFolder) throws -> String {
        let own = File.intermediateKey(id: try keyID(of: certificate))
        return try folder.read(own) == nil ? File.intermediateKey : own
    }

    /// The beginning of the key's fingerprint.
    static func keyID(of certificate: [UInt8]) throws -> String {
        String(try KeyFingerprint(ofKeyInCertificate: certificate).hex.prefix(16))
    }
}
