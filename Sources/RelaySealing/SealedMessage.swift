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
        guard let size = PaddedBody.size(for: body.count) else {
            throw SealingError(.tooLarge, "the body is too long")
        }
        let whole = overhead + size
        // One array for the whole message, written from front to back and sealed where it lies.
        var failure: SealingError?
        let output = [UInt8](unsafeUninitializedCapacity: whole + room) { buffer, count in
            let message = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<whole])
            header.encode(into: message)
            let head = UnsafeRawBufferPointer(rebasing: message[..<RelayHeader.size])
            let (messageKey, commitment) = key.derive(header: head)
            commitment.withUnsafeBytes {
                UnsafeMutableRawBufferPointer(rebasing: message[RelayHeader.size...]).copyMemory(from: $0)
            }
            PaddedBody.pad(body, into: UnsafeMutableRawBufferPointer(rebasing: message[prefix..<prefix + size]))
            do throws(SealingError) {
                try MessageCipher.seal(
                    inPlace: UnsafeMutableRawBufferPointer(rebasing: message[prefix...]), key: messageKey,
                    authenticating: head)
                count = whole
            } catch { failure = error }
        }
        if let failure { throw failure }
        return output
    }

    /// The key of a message, when the commitment in it is the one to that key.
    ///
    /// - Throws: `commitment` when it is not.
    static func messageKey(_ message: ArraySlice<UInt8>, key: SenderKey) throws(SealingError) -> SymmetricKey {
        let messageKey = message.withUnsafeBytes { message -> SymmetricKey? in
            let (messageKey, commitment) = key.derive(
                header: UnsafeRawBufferPointer(rebasing: message[..<RelayHeader.size]))
            let stated = UnsafeRawBufferPointer(rebasing: message[RelayHeader.size..<prefix])
            return commitment.withUnsafeBytes { Self.areEqual($0, stated) } ? messageKey : nil
        }
        guard let messageKey else {
            throw SealingError(.commitment, "the header or the key is not that with which the message was sealed")
        }
        return messageKey
    }

    /// Compares commitments in a time that says nothing of where they differ.
    ///
    /// The library's own comparison is generic, and asks the runtime for its types each time.
    private static func areEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        guard left.count == commitmentSize, right.count == commitmentSize else { return false }
        var difference: UInt64 = 0
        for offset in stride(from: 0, to: commitmentSize, by: 8) {
            difference |=
                left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                ^ right.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        }
        return difference == 0
    }

    /// Opens what stands behind the commitment.
    ///
    /// - Throws: `decryption` when the tag does not fit, `padding` when the padding is not what it must be.
    static func open(_ message: ArraySlice<UInt8>, key: SymmetricKey) throws(SealingError) -> ArraySlice<UInt8> {
        let body = try message.withUnsafeBytes { message in
            Result { () throws(SealingError) in
                try MessageCipher.open(
                    UnsafeRawBufferPointer(rebasing: message[prefix...]), key: key,
                    authenticating: UnsafeRawBufferPointer(rebasing: message[..<RelayHeader.size]),
                    read: PaddedBody.unpad)
            }
        }.get()
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
