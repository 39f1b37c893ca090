public import Crypto
public import RelayFormat

/// Seals what a process says to itself: a dispatcher's own beat, which only proves that presence flows.
public struct OwnSeal: Sendable {
    private let key: SenderKey

    /// Takes a random key, which nobody else knows.
    public init(key: SymmetricKey) { self.key = SenderKey(key) }

    /// Writes into a header what such messages have in it: suite 1, no group, no epoch.
    public func stamp(_ header: inout RelayHeader) {
        header.suite = .x25519
        header.group = .none
        header.epoch = 0
    }

    /// Seals a message.
    ///
    /// - Throws: `tooLarge` for a body that is too long.
    public func seal(_ header: RelayHeader, _ body: [UInt8]) throws(SealingError) -> [UInt8] {
        try SealedMessage.seal(header, body, key: key)
    }

    /// Opens a message.
    ///
    /// - Throws: `malformed`, `commitment`, `decryption`, `padding`.
    public func open(_ payload: [UInt8], header: RelayHeader) throws(SealingError) -> ArraySlice<UInt8> {
        guard try SealedMessage.header(payload[...]) == header else {
            throw SealingError(.malformed, "the header is of another message")
        }
        return try SealedMessage.open(payload[...], key: try SealedMessage.messageKey(payload[...], key: key))
    }
}
