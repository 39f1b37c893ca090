import Crypto
import Foundation
import TestTools
import Testing

@testable import RelaySealing

/// What others published to test such programs with, through the functions that open our messages.
@Suite("Published vectors")
struct StandardVectorTests {
    /// They are not there: the run is incomplete, which must not look like success.
    struct Missing: Error, CustomStringConvertible {
        var description: String
    }

    private static func hpke(_ name: String) throws -> [HPKEVector] {
        guard let file = PythonPackages.data("cryptography_vectors/HPKE/\(name)") else {
            throw Missing(
                description: "HPKE/\(name) is missing: ops/test installs cryptography-vectors (require_python)")
        }
        return try JSONDecoder().decode([HPKEVector].self, from: Data(contentsOf: file))
    }

    private static func wycheproof<Group: Decodable>(_ name: String, _ type: Group.Type) throws -> [Group] {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../.build/checkouts/swift-crypto/Tests/Test Vectors/\(name)").standardizedFileURL
        guard let data = try? Data(contentsOf: file) else {
            throw Missing(description: "\(file.path) is missing: it comes with the checkout of swift-crypto")
        }
        return try JSONDecoder().decode(WycheproofFile<Group>.self, from: data).testGroups
    }

    private static func bytes(_ hex: String) throws -> [UInt8] { try #require(hexBytes(hex), "\(hex.prefix(20))") }

    struct HPKEVector: Decodable {
        struct Encryption: Decodable {
            var aad: String
            var ct: String
            var pt: String
        }
        struct Export: Decodable {
            var exporter_context: String
            var L: Int
            var exported_value: String
        }
        var mode: Int
        var kem_id: Int
        var kdf_id: Int
        var aead_id: Int
        var info: String
        var skRm: String
        var pkRm: String
        var enc: String
        var encryptions: [Encryption]
        var exports: [Export]
    }

    @Test("HPKE, RFC 9180 appendix A and the post-quantum draft: the keys of both suites open and export")
    func hpke() throws {
        let all = try Self.hpke("test-vectors.json") + Self.hpke("hpke-pq-test-vectors.json")
        var counts: [SealingSuite: Int] = [:]
        for vector in all where vector.mode == 0 && vector.kdf_id == 1 && [2, 3].contains(vector.aead_id) {
            let suite: SealingSuite
            switch vector.kem_id {
            case 0x20: suite = .x25519
            case 0x647a: suite = .xWing
            default: continue
            }
            counts[suite, default: 0] += 1
            let key = try HPKEPrivateKey(suite: suite, rawRepresentation: Self.bytes(vector.skRm))
            #expect(try key.publicKey.rawRepresentation == Self.bytes(vector.pkRm))
            #expect(try Self.bytes(vector.enc).count == suite.encapsulatedKeySize)
            var recipient = try key.recipient(
                encapsulated: Self.bytes(vector.enc), info: Self.bytes(vector.info),
                cipher: vector.aead_id == 2 ? .AES_GCM_256 : .chaChaPoly)
            // Those of the RFC leave numbers out.
            for encryption in vector.encryptions.prefix(3) {
                let opened = try recipient.open(Self.bytes(encryption.ct), authenticating: Self.bytes(encryption.aad))
                #expect(try Array(opened) == Self.bytes(encryption.pt))
            }
            for export in vector.exports {
                let secret = try recipient.exportSecret(
                    context: Self.bytes(export.exporter_context), outputByteCount: export.L)
                #expect(try secret.withUnsafeBytes { Array($0) } == Self.bytes(export.exported_value))
            }
        }
        // Of X25519 with AES-256-GCM and with ChaCha20; the draft has X-Wing with ChaCha20 alone.
        #expect(counts == [.x25519: 2, .xWing: 1])
    }

    struct WycheproofFile<Group: Decodable>: Decodable { var testGroups: [Group] }

    struct SignatureGroup: Decodable {
        struct Key: Decodable { var uncompressed: String }
        struct Case: Decodable {
            var tcId: Int
            var msg: String
            var sig: String
            var result: String
        }
        var publicKey: Key
        var tests: [Case]
    }

    @Test("Wycheproof, ECDSA over P-256: what is valid is taken, and nothing else")
    func signatures() throws {
        var counts = ["valid": 0, "invalid": 0]
        for group in try Self.wycheproof("ecdsa_secp256r1_sha256_p1363_test.json", SignatureGroup.self) {
            let point = try P256.Signing.PublicKey(x963Representation: Self.bytes(group.publicKey.uncompressed))
            // As a member's key comes: compressed.
            let key = try #require(P256.Signing.PublicKey.compressed(Array(point.compressedRepresentation)))
            for test in group.tests {
                let isValid = IdentitySignature.isValid(
                    try Self.bytes(test.sig), over: try Self.bytes(test.msg), by: key)
                #expect(isValid == (test.result == "valid"), "\(test.tcId)")
                counts[test.result, default: 0] += 1
            }
        }
        #expect(counts == ["valid": 169, "invalid": 83])
    }

    struct CipherGroup: Decodable {
        struct Case: Decodable {
            var tcId: Int
            var key: String
            var iv: String
            var aad: String
            var msg: String
            var ct: String
            var tag: String
            var result: String
        }
        var keySize: Int
        var ivSize: Int
        var tagSize: Int
        var tests: [Case]
    }

    @Test("Wycheproof, AES-256-GCM: what is valid opens and is sealed alike, and nothing else opens")
    func cipher() throws {
        var count = 0
        for group in try Self.wycheproof("aes_gcm_test.json", CipherGroup.self)
        where group.keySize == 256 && group.ivSize == 96 && group.tagSize == 128 {
            for test in group.tests {
                count += 1
                let key = SymmetricKey(data: try Self.bytes(test.key))
                let nonce = try #require(MessageCipher.nonce(Self.bytes(test.iv)))
                let header = try Self.bytes(test.aad)
                let sealed = try Self.bytes(test.ct + test.tag)
                let opened = header.withUnsafeBytes { header in
                    sealed.withUnsafeBytes { sealed in
                        try? MessageCipher.open(
                            sealed, key: key, nonce: nonce, authenticating: header, read: { Array($0) })
                    }
                }
                #expect(try opened == (test.result == "valid" ? Self.bytes(test.msg) : nil), "\(test.tcId)")
                guard test.result == "valid" else { continue }
                var output = try Self.bytes(test.msg) + [UInt8](repeating: 0, count: MessageCipher.tagSize)
                try header.withUnsafeBytes { header in
                    try output.withUnsafeMutableBytes { output in
                        try MessageCipher.seal(inPlace: output, key: key, nonce: nonce, authenticating: header)
                    }
                }
                #expect(output == sealed, "\(test.tcId)")
            }
        }
        #expect(count == 66)
    }

    @Test("HKDF written out over a prepared HMAC is that of RFC 5869")
    func expand() throws {
        for seed in 0..<20 as Range<UInt8> {
            let key = SymmetricKey(data: [UInt8](repeating: seed, count: 32))
            let header = [UInt8](repeating: seed &* 3, count: 128)
            let (messageKey, commitment) = SenderKey(key).derive(header: header[...])
            let whole = HKDF<SHA256>.expand(
                pseudoRandomKey: key, info: Array("msg".utf8) + header, outputByteCount: 64)
            #expect(whole.withUnsafeBytes { Array($0) } == messageKey.withUnsafeBytes { Array($0) } + Array(commitment))
        }
    }
}
