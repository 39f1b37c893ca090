internal import CPKCS11
internal import Crypto

/// Keys in a token, found by their id.
extension TokenSession {
    /// The OID of P-256 in DER.
    private static let curve: [UInt8] = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]
    private static let longestValue = 256

    /// Signs a digest of 32 bytes; returns r and s, 64 bytes.
    func sign(_ digest: SHA256Digest, with id: [UInt8]) throws -> [UInt8] {
        try perform { functions, session in
            // Looked for each time, so that a key that was destroyed elsewhere signs no more.
            guard let key = try self.find(CKO_PRIVATE_KEY, id, functions, session).first else { throw self.noKey(id) }
            var mechanism = CK_MECHANISM(mechanism: CKM_ECDSA, pParameter: nil, ulParameterLen: 0)
            try CryptokiRefusal.check(
                "C_SignInit", functions.C_SignInit?(session, &mechanism, key) ?? CKR_FUNCTION_FAILED)
            var data = Array(digest)
            var signature = [UInt8](repeating: 0, count: 64)
            var length = CK_ULONG(signature.count)
            try CryptokiRefusal.check(
                "C_Sign",
                functions.C_Sign?(session, &data, CK_ULONG(data.count), &signature, &length) ?? CKR_FUNCTION_FAILED)
            return Array(signature.prefix(Int(length)))
        }
    }

    /// Looks whether the token is there and lets us in.
    func check() throws {
        // An id that no key has: the question alone goes to the token.
        try perform { functions, session in _ = try self.find(CKO_PRIVATE_KEY, [0], functions, session) }
    }

    /// Makes a key pair that never leaves the token, or finds the one that was made under this id.
    func make(_ id: [UInt8], label: String) throws -> P256.Signing.PublicKey {
        try perform { functions, session in
            if try self.find(CKO_PRIVATE_KEY, id, functions, session).isEmpty {
                try self.generate(id, label, functions, session)
            }
            do {
                return try self.publicKey(id, functions, session)
            } catch let error as TokenKeyError {
                try self.destroy(id, functions, session)
                throw error
            }
        }
    }

    /// Destroys both halves of a key pair, as far as they are there.
    func destroy(_ id: [UInt8]) throws {
        try perform { functions, session in try self.destroy(id, functions, session) }
    }

    // MARK: In a session

    private func destroy(_ id: [UInt8], _ functions: CK_FUNCTION_LIST, _ session: CK_SESSION_HANDLE) throws {
        for kind in [CKO_PRIVATE_KEY, CKO_PUBLIC_KEY] {
            for object in try find(kind, id, functions, session) {
                try CryptokiRefusal.check(
                    "C_DestroyObject", functions.C_DestroyObject?(session, object) ?? CKR_FUNCTION_FAILED)
            }
        }
    }

    private func generate(
        _ id: [UInt8], _ label: String, _ functions: CK_FUNCTION_LIST, _ session: CK_SESSION_HANDLE
    ) throws {
        var common = CryptokiTemplate()
        common.add(CKA_TOKEN, true)
        common.add(CKA_ID, id)
        common.add(CKA_LABEL, Array(label.utf8))
        var (open, secret) = (common, common)
        open.add(CKA_PRIVATE, false)
        open.add(CKA_VERIFY, true)
        open.add(CKA_EC_PARAMS, Self.curve)
        secret.add(CKA_PRIVATE, true)
        secret.add(CKA_SENSITIVE, true)
        secret.add(CKA_EXTRACTABLE, false)
        secret.add(CKA_SIGN, true)
        var mechanism = CK_MECHANISM(mechanism: CKM_EC_KEY_PAIR_GEN, pParameter: nil, ulParameterLen: 0)
        var (first, second) = (CK_OBJECT_HANDLE(), CK_OBJECT_HANDLE())
        let value = open.lend { openAttributes, openCount in
            secret.lend { secretAttributes, secretCount in
                functions.C_GenerateKeyPair?(
                    session, &mechanism, openAttributes, openCount, secretAttributes, secretCount, &first, &second)
                    ?? CKR_FUNCTION_FAILED
            }
        }
        try CryptokiRefusal.check("C_GenerateKeyPair", value)
    }

    /// The public half, if the pair is one that we would have made.
    private func publicKey(
        _ id: [UInt8], _ functions: CK_FUNCTION_LIST, _ session: CK_SESSION_HANDLE
    ) throws -> P256.Signing.PublicKey {
        guard let secret = try find(CKO_PRIVATE_KEY, id, functions, session).first,
            let open = try find(CKO_PUBLIC_KEY, id, functions, session).first
        else { throw noKey(id) }
        guard try value(CKA_SENSITIVE, of: secret, functions, session) == [1],
            try value(CKA_EXTRACTABLE, of: secret, functions, session) == [0]
        else {
            throw TokenKeyError(
                .keyUnsuitable, "the token made a key that could be taken out of it",
                remedy: "Use a token that keeps its keys (CKA_SENSITIVE, and not CKA_EXTRACTABLE).")
        }
        // The point stands in an OCTET STRING; some modules leave that away.
        let point = try value(CKA_EC_POINT, of: open, functions, session)
        let isWrapped = point.count == 67 && point.starts(with: [0x04, 0x41])
        guard try value(CKA_EC_PARAMS, of: open, functions, session) == Self.curve,
            let key = try? P256.Signing.PublicKey(x963Representation: isWrapped ? Array(point.dropFirst(2)) : point)
        else {
            throw TokenKeyError(
                .keyUnsuitable, "the token's key is not on the curve P-256",
                remedy: "Use a token that makes keys on P-256: pkcs11-tool --list-mechanisms")
        }
        return key
    }

    private func find(
        _ kind: CK_ULONG, _ id: [UInt8], _ functions: CK_FUNCTION_LIST, _ session: CK_SESSION_HANDLE
    ) throws -> [CK_OBJECT_HANDLE] {
        var template = CryptokiTemplate()
        template.add(CKA_CLASS, kind)
        template.add(CKA_ID, id)
        try CryptokiRefusal.check(
            "C_FindObjectsInit",
            template.lend { functions.C_FindObjectsInit?(session, $0, $1) ?? CKR_FUNCTION_FAILED })
        defer { _ = functions.C_FindObjectsFinal?(session) }
        var found = [CK_OBJECT_HANDLE](repeating: 0, count: 8)
        var count: CK_ULONG = 0
        try CryptokiRefusal.check(
            "C_FindObjects",
            functions.C_FindObjects?(session, &found, CK_ULONG(found.count), &count) ?? CKR_FUNCTION_FAILED)
        return Array(found.prefix(Int(count)))
    }

    private func value(
        _ type: CK_ATTRIBUTE_TYPE, of object: CK_OBJECT_HANDLE, _ functions: CK_FUNCTION_LIST,
        _ session: CK_SESSION_HANDLE
    ) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.longestValue)
        let (value, length) = bytes.withUnsafeMutableBytes { memory in
            var attribute = CK_ATTRIBUTE(
                type: type, pValue: memory.baseAddress, ulValueLen: CK_ULONG(memory.count))
            let value =
                functions.C_GetAttributeValue?(session, object, &attribute, 1) ?? CKR_FUNCTION_FAILED
            return (value, attribute.ulValueLen)
        }
        try CryptokiRefusal.check("C_GetAttributeValue", value)
        guard length <= CK_ULONG(Self.longestValue) else { return [] }
        return Array(bytes.prefix(Int(length)))
    }

    private func noKey(_ id: [UInt8]) -> TokenKeyError {
        let name = id.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        return TokenKeyError(
            .keyMissing, "the token is there, but has no key with the id \(name)",
            remedy: "Look whether it is the right token, or was set up anew. A key that is lost does not come back: "
                + "postern register --replace, with a new invitation.")
    }
}
