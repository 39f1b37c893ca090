internal import Crypto
internal import RelayFormat

/// The key from which the keys of one sender's messages are derived.
///
/// HKDF-Expand (RFC 5869) is written out over an HMAC that has taken its key in already: that halves the cost of small
/// frames. The state of the HMAC is zeroed by the library when it goes.
struct SenderKey: Sendable {
    private let authenticator: HMAC<SHA256>

    private static let label = Array("msg".utf8)
    private static let firstBlock: [UInt8] = [1]
    private static let secondBlock: [UInt8] = [2]

    init(_ key: SymmetricKey) { authenticator = HMAC(key: key) }

    /// The key of the message with that header, and the commitment to it: HKDF-Expand(key, "msg" | header, 64).
    func derive(header: ArraySlice<UInt8>) -> (key: SymmetricKey, commitment: HMAC<SHA256>.MAC) {
        var first = authenticator
        first.update(data: Self.label)
        first.update(data: header)
        first.update(data: Self.firstBlock)
        let key = first.finalize()
        var second = authenticator
        key.withUnsafeBytes { second.update(data: $0) }
        second.update(data: Self.label)
        second.update(data: header)
        second.update(data: Self.secondBlock)
        return (SymmetricKey(data: key), second.finalize())
    }
}
