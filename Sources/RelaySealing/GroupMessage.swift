public import RelayFormat

/// A message sealed for a group, taken apart: REQUEST, INVITE, HELLO, BEAT.
///
/// Layout: header 128 · commitment 32 · ciphertext · tag 16 · proof.
public struct GroupMessage: Sendable {
    /// Its header.
    public let header: RelayHeader
    let bytes: [UInt8]
    let proof: BatchProof

    /// Reads a message; nothing is checked here but the layout.
    ///
    /// - Throws: `malformed` for anything else.
    public init(decoding bytes: [UInt8]) throws(SealingError) {
        proof = try BatchProof(endOf: bytes)
        header = try SealedMessage.header(bytes.dropLast(proof.size))
        self.bytes = bytes
    }

    /// All but the proof.
    var signedPart: ArraySlice<UInt8> { bytes.dropLast(proof.size) }
}
