internal import EnrollmentProtocol
internal import Foundation

/// What may be registered as the address of a webhook.
enum WebhookAddress {
    static let longest = 2048

    /// Refuses an address whose posts others could read, or that says more than where.
    static func require(_ text: String) throws {
        guard (1...longest).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }),
            let parts = URLComponents(string: text, encodingInvalidCharacters: false),
            let scheme = parts.scheme?.lowercased(), let host = parts.host, !host.isEmpty
        else {
            throw Refusal(
                .malformedRequest,
                "The field “url” needs an absolute URL of at most \(longest) bytes, as in https://example.com/results.")
        }
        guard parts.user == nil, parts.password == nil else {
            throw Refusal(
                .malformedRequest, "The field “url” may not hold credentials; posts are signed with a secret instead.")
        }
        guard parts.fragment == nil else {
            throw Refusal(.malformedRequest, "The field “url” may not have a fragment: it would never be sent.")
        }
        guard (1...65_535).contains(parts.port ?? 443) else {
            throw Refusal(.malformedRequest, "The field “url” needs a port from 1 to 65535.")
        }
        guard scheme == "https" || (scheme == "http" && isLoopback(host)) else {
            throw Refusal(.malformedRequest, "The field “url” needs https, or http to a loopback address.")
        }
    }

    private static func isLoopback(_ host: String) -> Bool {
        if ["localhost", "[::1]", "::1"].contains(host.lowercased()) { return true }
        // Only the full form: what else some resolver takes for an address is not for us to guess.
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127"
            && parts.allSatisfy { part in (1...3).contains(part.utf8.count) && UInt8(part) != nil }
    }
}
