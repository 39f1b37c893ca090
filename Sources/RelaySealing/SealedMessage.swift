internal import Crypto
internal import RelayFormat

/// What every sealed message begins with: header, commitment, ciphertext and tag.
enum SealedMessage {
    static let commitmentSize = 32
    /// Where the ciphertext begins.
    static let prefix = RelayHeader.size + commitmentSize
    /// How many bytes stand around the padded body.
    static let overhead = prefix + MessageCipher.tagSize

    /// Seals a body; the array has room for so many more bytes.
    ///
    /// - Throws: `tooLarge` for more than a message takes.
    static func seal(
        _ header: RelayHeader, _ body: [UInt8], key: SenderKey, room: Int = 0
    ) throws(SealingError) -> [UInt8] {
        let plaintext = try PaddedBody.pad(body)
        var writer = ByteWriter(capacity: RelayHeader.size)
        header.encode(into: &writer)
        let header = writer.finish()
        let (messageKey, commitment) = key.derive(header: header[...])
        // One array for the whole message, written once from front to back; nothing else may hold it meanwhile.
        var output: [UInt8] = []
        output.reserveCapacity(overhead + plaintext.count + room)
        output.append(contentsOf: header)
        commitment.withUnsafeBytes { output.append(contentsOf: $0) }
        try MessageCipher.seal(plaintext, key: messageKey, authenticating: header[...], appendingTo: &output)
        return output
    }

    /// The key of a message, when the commitment in it is the one to that key.
    ///
    /// - Throws: `commitment` when it is not.
    static func messageKey(_ message: ArraySlice<UInt8>, key: SenderKey) throws(SealingError) -> SymmetricKey {
        let (messageKey, commitment) = key.derive(header: message.prefix(RelayHeader.size))
        let stated = message.dropFirst(RelayHeader.size).prefix(commitmentSize)
        guard commitment == stated else {
            throw SealingError(.commitment, "the header or the key is not that with which the message was sealed")
        }
        return messageKey
    }

    /// Opens what stands behind the commitment.
    ///
    /// - Throws: `decryption` when the tag does not fit, `padding` when the padding is not what it must be.
    static func open(_ message: ArraySlice<UInt8>, key: SymmetricKey) throws(SealingError) -> ArraySlice<UInt8> {
        let body = try MessageCipher.open(
            message.dropFirst(prefix), key: key, authenticating: message.prefix(RelayHeader.size),
            read: PaddedBody.unpad)
        guard let body else { throw SealingError(.padding, "the padding is not what it must be") }
        return body[...]
    }

    /// The header of a message whose ciphertext has a possible size.
    ///
    /// - Throws: `malformed` when it has none.
    static func header(_ message: ArraySlice<UInt8>) throws(SealingError) -> RelayHeader {
        guard PaddedBody.isSize(message.count - overhead) else {
            throw SealingError(.malformed, "no sealed message has this size")
        }
        do {
            var reader = ByteReader(message)
            return try RelayHeader(from: &reader)
        } catch { throw SealingError(error) }
    }
}
