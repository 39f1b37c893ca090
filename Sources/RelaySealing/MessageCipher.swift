internal import Crypto
private import struct Foundation.Data

/// AES-256-GCM as messages use it: each has a key of its own, so the nonce is zero.
///
/// The library takes and gives `Data`; here bytes go in from where they lie and come out to where they belong, so that each
/// is copied once on its way.
enum MessageCipher {
    static let tagSize = 16
    private static let nonceSize = 12
    /// Twelve zeroes; nil is never passed on, for it would mean a random one.
    static let nonce = nonce([UInt8](repeating: 0, count: nonceSize))

    static func nonce(_ bytes: [UInt8]) -> AES.GCM.Nonce? { try? AES.GCM.Nonce(data: bytes) }

    /// Puts the ciphertext in the place of a plaintext, and the tag behind it.
    ///
    /// - Parameter message: the plaintext, and room for the tag.
    /// - Throws: `tooLarge` for more than the cipher takes.
    static func seal(
        inPlace message: UnsafeMutableRawBufferPointer, key: SymmetricKey, nonce: AES.GCM.Nonce? = nonce,
        authenticating header: UnsafeRawBufferPointer
    ) throws(SealingError) {
        let plaintext = UnsafeRawBufferPointer(rebasing: message.dropLast(tagSize))
        guard let nonce,
            let combined = try? AES.GCM.seal(plaintext, using: key, nonce: nonce, authenticating: header).combined,
            combined.count == nonceSize + message.count
        else { throw SealingError(.tooLarge, "the cipher takes no such message") }
        combined.withUnsafeBytes { combined in
            message.copyMemory(from: UnsafeRawBufferPointer(rebasing: combined[nonceSize...]))
        }
    }

    /// Opens ciphertext and tag, and hands what is in it to the reader.
    ///
    /// - Throws: `decryption` when the tag does not fit.
    static func open<Value>(
        _ sealed: UnsafeRawBufferPointer, key: SymmetricKey, nonce: AES.GCM.Nonce? = nonce,
        authenticating header: UnsafeRawBufferPointer, read: (UnsafeRawBufferPointer) -> Value
    ) throws(SealingError) -> Value {
        guard sealed.count >= tagSize, let nonce,
            let box = try? AES.GCM.SealedBox(
                nonce: nonce, ciphertext: UnsafeRawBufferPointer(rebasing: sealed.dropLast(tagSize)),
                tag: UnsafeRawBufferPointer(rebasing: sealed.suffix(tagSize))),
            let plaintext = try? AES.GCM.open(box, using: key, authenticating: header)
        else { throw SealingError(.decryption, "the tag does not fit") }
        return plaintext.withUnsafeBytes(read)
    }
}
