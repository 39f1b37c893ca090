internal import Crypto
internal import SwiftASN1

extension CertificateRequest {
    private static var longest: Int { 16 * 1024 }

    /// Reads a request in PEM and verifies that its sender holds the key.
    public init(verifyingPEM text: String) throws(MachineIdentityError) {
        guard text.utf8.count <= 2 * Self.longest, let document = try? PEMDocument(pemString: text),
            ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"].contains(document.discriminator)
        else { throw MachineIdentityError(.invalidCSR, "this is no certificate request in PEM") }
        try self.init(verifying: document.derBytes)
    }

    /// Reads a request in DER and verifies over the original bytes that its sender holds the key.
    ///
    /// Attributes may stand in any order: some clients (strongSwan) do not sort them as DER demands.
    /// Throws `invalidCSR`, `unsupportedKey` or `popFailed`.
    public init(verifying der: [UInt8]) throws(MachineIdentityError) {
        guard der.count <= Self.longest else {
            throw MachineIdentityError(.invalidCSR, "the certificate request is larger than \(Self.longest) bytes")
        }
        let request = try Self.parsed(der)
        let parts = Self.children(request)
        guard request.identifier == .sequence, parts.count == 3,
            parts.allSatisfy({ $0.identifier == .sequence || $0.identifier == .bitString })
        else {
            throw MachineIdentityError(.invalidCSR, "a certificate request has three parts, this has \(parts.count)")
        }
        let information = Self.children(parts[0])
        guard (3...4).contains(information.count), information[0].identifier == .integer else {
            throw MachineIdentityError(.invalidCSR, "the certificate request's information cannot be read")
        }
        let publicKey = try Self.publicKey(information[2])
        try Self.verify(parts[0].encodedBytes, algorithm: parts[1], signature: parts[2], by: publicKey)
        let challenge = information.count == 4 ? try Self.challenge(among: Self.children(information[3])) : nil
        self.init(publicKey: publicKey, challenge: challenge, der: der)
    }

    private static func parsed(_ der: [UInt8]) throws(MachineIdentityError) -> ASN1Node {
        do { return try DER.parse(der) } catch {
            throw MachineIdentityError(.invalidCSR, "the certificate request is no DER, or cut off")
        }
    }

    private static func children(_ node: ASN1Node) -> [ASN1Node] {
        guard case .constructed(let nodes) = node.content else { return [] }
        return Array(nodes)
    }

    private static func publicKey(_ node: ASN1Node) throws(MachineIdentityError) -> P256.Signing.PublicKey {
        let parts = children(node)
        let algorithm = parts.first.map(children) ?? []
        guard parts.count == 2, let kind = algorithm.first, let key = try? ASN1ObjectIdentifier(derEncoded: kind) else {
            throw MachineIdentityError(.invalidCSR, "the certificate request's public key cannot be read")
        }
        let ellipticCurve: ASN1ObjectIdentifier = [1, 2, 840, 10045, 2, 1]
        let p256: ASN1ObjectIdentifier = [1, 2, 840, 10045, 3, 1, 7]
        guard key == ellipticCurve, algorithm.count == 2, (try? ASN1ObjectIdentifier(derEncoded: algorithm[1])) == p256
        else {
            throw MachineIdentityError(.unsupportedKey, "the key must be an EC key on the curve P-256 (prime256v1)")
        }
        guard let publicKey = try? P256.Signing.PublicKey(derRepresentation: node.encodedBytes) else {
            throw MachineIdentityError(.unsupportedKey, "the public key is no point on the curve P-256")
        }
        return publicKey
    }

    private static func verify(
        _ bytes: ArraySlice<UInt8>, algorithm: ASN1Node, signature: ASN1Node, by key: P256.Signing.PublicKey
    ) throws(MachineIdentityError) {
        let sha256: ASN1ObjectIdentifier = [1, 2, 840, 10045, 4, 3, 2]
        let sha384: ASN1ObjectIdentifier = [1, 2, 840, 10045, 4, 3, 3]
        let sha512: ASN1ObjectIdentifier = [1, 2, 840, 10045, 4, 3, 4]
        guard let name = children(algorithm).first, let digest = try? ASN1ObjectIdentifier(derEncoded: name),
            let bits = try? ASN1BitString(derEncoded: signature), bits.paddingBits == 0
        else { throw MachineIdentityError(.invalidCSR, "the certificate request's signature cannot be read") }
        guard [sha256, sha384, sha512].contains(digest) else {
            throw MachineIdentityError(
                .popFailed, "the certificate request must be signed by ECDSA with SHA-256, SHA-384 or SHA-512")
        }
        let holds =
            if let ecdsa = try? P256.Signing.ECDSASignature(derRepresentation: bits.bytes) {
                digest == sha256
                    ? key.isValidSignature(ecdsa, for: SHA256.hash(data: bytes))
                    : digest == sha384
                        ? key.isValidSignature(ecdsa, for: SHA384.hash(data: bytes))
                        : key.isValidSignature(ecdsa, for: SHA512.hash(data: bytes))
            } else { false }
        guard holds else {
            throw MachineIdentityError(.popFailed, "the certificate request's signature is not by the key inside it")
        }
    }

    private static func challenge(among attributes: [ASN1Node]) throws(MachineIdentityError) -> String? {
        let unreadable = MachineIdentityError(
            .invalidCSR, "the challengePassword must be one PrintableString, UTF8String or IA5String")
        let texts: Set<ASN1Identifier> = [.utf8String, .printableString, .ia5String]
        var found: String?
        for attribute in attributes {
            let parts = children(attribute)
            guard let name = parts.first, (try? ASN1ObjectIdentifier(derEncoded: name)) == challengePassword else {
                continue
            }
            let values = parts.count == 2 ? children(parts[1]) : []
            guard found == nil, values.count == 1, texts.contains(values[0].identifier),
                case .primitive(let bytes) = values[0].content, bytes.count <= 255,
                let text = String(validating: bytes, as: UTF8.self)
            else { throw unreadable }
            found = text
        }
        return found
    }
}
