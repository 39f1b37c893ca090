internal import Crypto
internal import Foundation

/// The secret of a webhook, as Standard Webhooks writes it: `whsec_` and 24 to 64 bytes in base64.
public struct WebhookSecret: Sendable, CustomStringConvertible {
    private static let prefix = "whsec_"
    private let bytes: [UInt8]

    /// Reads the text form; nil for anything else.
    public init?(_ text: String) {
        guard text.hasPrefix(Self.prefix), let data = Data(base64Encoded: String(text.dropFirst(Self.prefix.count))),
            (24...64).contains(data.count)
        else { return nil }
        bytes = [UInt8](data)
    }

    /// Nothing that could be used.
    public var description: String { Self.prefix + "…" }

    /// What stands in `webhook-signature`: the version and HMAC-SHA256 over id, time and body with points between them.
    ///
    /// - Parameter timestamp: in seconds since the epoch.
    public func signature(id: String, timestamp: UInt64, body: some Sequence<UInt8>) -> String {
        let signed = Array("\(id).\(timestamp).".utf8) + Array(body)
        let code = HMAC<SHA256>.authenticationCode(for: signed, using: SymmetricKey(data: bytes))
        return "v1," + Data(code).base64EncodedString()
    }
}
