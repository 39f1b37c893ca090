internal import Crypto
internal import protocol Foundation.DataProtocol
internal import SwiftASN1
internal import X509

extension CertificateRequest {
    /// Makes a request for the key of an identity, signed by it; without a challenge for a renewal.
    ///
    /// - Throws: `HeldKeyFailure` where something else holds the key, else `MachineIdentityError`.
    public static func make(key: IdentityKey, challenge: String? = nil) async throws -> CertificateRequest {
        switch key {
        case .memory(let key): return try make(key: key, challenge: challenge)
        case .held(let key):
            let request = try await CertificateSigningRequest(
                version: .v1, subject: subject, asyncPrivateKey: Certificate.PrivateKey(RequestKey(key: key)),
                attributes: attributes(challenge: challenge), signatureAlgorithm: .ecdsaWithSHA256)
            var serializer = DER.Serializer()
            try serializer.serialize(request)
            return CertificateRequest(
                publicKey: key.publicKey, challenge: challenge, der: serializer.serializedBytes)
        }
    }
}

/// A key that something else holds, as the certificate library signs with it.
private struct RequestKey: CustomPrivateKey {
    struct NotHere: Error {}

    let key: any HeldKey

    static var defaultPEMDiscriminator: String { "PRIVATE KEY" }
    var publicKey: Certificate.PublicKey { Certificate.PublicKey(key.publicKey) }
    var defaultSignatureAlgorithm: Certificate.SignatureAlgorithm { .ecdsaWithSHA256 }
    var supportedSignatureAlgorithms: [Certificate.SignatureAlgorithm] { [.ecdsaWithSHA256] }

    func signAsynchronously(
        bytes: some DataProtocol & Sendable, signatureAlgorithm: Certificate.SignatureAlgorithm
    ) async throws -> Certificate.Signature {
        let signature = try await key.signature(for: Array(bytes))
        return try Certificate.Signature(
            signatureAlgorithm: .ecdsaWithSHA256,
            signatureBytes: ASN1BitString(bytes: ArraySlice(signature.derRepresentation)))
    }

    func signSynchronously(
        bytes: some DataProtocol, signatureAlgorithm: Certificate.SignatureAlgorithm
    ) throws -> Certificate.Signature {
        throw NotHere()
    }

    func serialize(into coder: inout DER.Serializer) throws { throw NotHere() }

    static func == (left: Self, right: Self) -> Bool { left.key.place == right.key.place }
    func hash(into hasher: inout Hasher) { hasher.combine(key.place) }
}
