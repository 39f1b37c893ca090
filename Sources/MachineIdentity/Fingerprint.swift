internal import Crypto
internal import SwiftASN1

/// A SHA-256 digest whose tag says what was hashed, so that a key's never stands where a certificate's is meant.
public struct Fingerprint<Subject>: Sendable, Hashable, CustomStringConvertible {
    /// The 32 bytes.
    public let bytes: [UInt8]

    fileprivate init(hashing content: some Sequence<UInt8>) {
        bytes = Array(SHA256.hash(data: Array(content)))
    }

    /// Takes a digest over; nil unless it has 32 bytes.
    public init?(bytes: some Sequence<UInt8>) {
        self.bytes = Array(bytes)
        guard self.bytes.count == SHA256.byteCount else { return nil }
    }

    /// Reads 64 hexadecimal digits, with or without colons or a `sha256:` in front, in either case.
    public init(_ text: some StringProtocol) throws(MachineIdentityError) {
        let lower = text.lowercased()
        let digits = (lower.hasPrefix("sha256:") ? lower.dropFirst(7) : lower[...]).filter { $0 != ":" }
        var bytes: [UInt8] = []
        var rest = digits[...]
        while rest.count >= 2, let byte = UInt8(rest.prefix(2), radix: 16), rest.first != "+" {
            bytes.append(byte)
            rest = rest.dropFirst(2)
        }
        guard rest.isEmpty, bytes.count == SHA256.byteCount else {
            throw MachineIdentityError(.invalidFingerprint, "a SHA-256 fingerprint has 64 hexadecimal digits")
        }
        self.bytes = bytes
    }

    /// The 64 lower-case hexadecimal digits.
    public var hex: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in bytes { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }

    /// Five pronounceable words (proquints) of the first 80 bits, for two people to compare aloud.
    public var words: String {
        let consonants = Array("bdfghjklmnprstvz".utf8)
        let vowels = Array("aiou".utf8)
        return stride(from: 0, to: 10, by: 2).map { place in
            let value = Int(bytes[place]) << 8 | Int(bytes[place + 1])
            return String(
                decoding: [
                    consonants[value >> 12 & 15], vowels[value >> 10 & 3], consonants[value >> 6 & 15],
                    vowels[value >> 4 & 3], consonants[value & 15],
                ], as: UTF8.self)
        }.joined(separator: "-")
    }

    public var description: String { "sha256:" + hex }
}

extension Fingerprint: Codable {
    /// Reads the hexadecimal text.
    public init(from decoder: any Decoder) throws {
        try self.init(decoder.singleValueContainer().decode(String.self))
    }

    /// Writes the hexadecimal digits.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(hex)
    }
}

/// What `CertificateFingerprint` is of.
public enum CertificateSubject {}
/// What `KeyFingerprint` is of.
public enum KeySubject {}

/// SHA-256 of a certificate's DER.
public typealias CertificateFingerprint = Fingerprint<CertificateSubject>
/// SHA-256 of a public key's SubjectPublicKeyInfo in DER.
public typealias KeyFingerprint = Fingerprint<KeySubject>

extension Fingerprint where Subject == CertificateSubject {
    /// The fingerprint of a certificate.
    public init(certificate der: some Sequence<UInt8>) { self.init(hashing: der) }
}

extension Fingerprint where Subject == KeySubject {
    /// The fingerprint of a key's SubjectPublicKeyInfo.
    public init(subjectPublicKeyInfo der: some Sequence<UInt8>) { self.init(hashing: der) }

    /// The fingerprint of the key inside a certificate, of whatever kind the key is.
    public init(ofKeyInCertificate der: some Sequence<UInt8>) throws(MachineIdentityError) {
        do {
            self.init(hashing: try Self.subjectPublicKeyInfo(inCertificate: Array(der)))
        } catch {
            throw MachineIdentityError(.invalidCertificate, "these bytes are no certificate")
        }
    }

    /// Walks to the key over the original bytes, since a re-encoded key may differ from what others hash.
    private static func subjectPublicKeyInfo(inCertificate der: [UInt8]) throws -> ArraySlice<UInt8> {
        guard case .constructed(let certificate) = try DER.parse(der).content,
            let body = certificate.first(where: { _ in true }), case .constructed(let fields) = body.content
        else { throw MachineIdentityError(.invalidCertificate, "no certificate") }
        let version = ASN1Identifier(tagWithNumber: 0, tagClass: .contextSpecific)
        // serialNumber, signature, issuer, validity, subject, then the key.
        let plain = fields.drop { $0.identifier == version }.dropFirst(5)
        guard let key = plain.first(where: { _ in true }), key.identifier == .sequence else {
            throw MachineIdentityError(.invalidCertificate, "no certificate")
        }
        return key.encodedBytes
    }
}
