/// All that a connector needs to register, as one text to hand over: where, who, the secret, and whom to trust.
///
/// The text is `postern1_` and base32 of: three texts (URL, account, a reserved one), each after its length in one
/// byte; 32 bytes of secret; 32 bytes for each of the three pins; a CRC-32 over all that.
public struct Invitation: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    private static let prefix = "postern1_"

    /// The tenant's port, as `https://host[:port]`; at most 255 bytes.
    public var url: String
    /// The name of the service account.
    public var account: String
    /// The enrollment's secret.
    public var secret: SecretToken
    /// The key that issued the server's TLS certificate, or that certificate's own when it is its own issuer.
    public var serverIssuer: Pin
    /// The key of the installation's root certificate authority.
    public var authority: Pin
    /// The key of the tenant's Key Authority.
    public var keyAuthority: Pin

    /// Makes an invitation.
    public init(
        url: String, account: String, secret: SecretToken, serverIssuer: Pin, authority: Pin, keyAuthority: Pin
    ) {
        self.url = url
        self.account = account
        self.secret = secret
        self.serverIssuer = serverIssuer
        self.authority = authority
        self.keyAuthority = keyAuthority
    }

    /// Reads the text form, whatever white space stands around or in it; its checksum must fit.
    public init(_ text: some StringProtocol) throws(EnrollmentProtocolError) {
        let compact = String(text.filter { !$0.isWhitespace })
        guard compact.hasPrefix(Self.prefix) else {
            throw EnrollmentProtocolError(.malformedInvitation, "An invitation begins with “\(Self.prefix)”.")
        }
        guard compact.utf8.count < 2048, let bytes = Base32.bytes(of: compact.dropFirst(Self.prefix.count)),
            bytes.count > 4, Checksum.bytes(of: bytes.dropLast(4)) == Array(bytes.suffix(4))
        else {
            throw EnrollmentProtocolError(.malformedInvitation, "The invitation is not complete or has a typing error.")
        }
        var rest = bytes.dropLast(4)
        func take(_ count: Int) throws(EnrollmentProtocolError) -> [UInt8] {
            guard rest.count >= count else {
                throw EnrollmentProtocolError(.malformedInvitation, "The invitation is not complete.")
            }
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }
        func takeText() throws(EnrollmentProtocolError) -> String {
            String(decoding: try take(Int(try take(1)[0])), as: UTF8.self)
        }
        func takePin() throws(EnrollmentProtocolError) -> Pin {
            guard let pin = Pin(bytes: try take(32)) else { preconditionFailure("32 bytes are a pin") }
            return pin
        }
        url = try takeText()
        account = try takeText()
        _ = try takeText()
        secret = SecretToken(kind: .enrollment, bytes: try take(32))
        serverIssuer = try takePin()
        authority = try takePin()
        keyAuthority = try takePin()
        guard rest.isEmpty else {
            throw EnrollmentProtocolError(.malformedInvitation, "The invitation is longer than it should be.")
        }
    }

    /// The text form; it holds the secret.
    public var text: String {
        var bytes: [UInt8] = []
        for text in [url, account, ""] {
            let part = Array(text.utf8.prefix(255))
            bytes += [UInt8(part.count)] + part
        }
        bytes += secret.bytes + serverIssuer.bytes + authority.bytes + keyAuthority.bytes
        return Self.prefix + Base32.text(of: bytes + Checksum.bytes(of: bytes))
    }

    public var description: String { "invitation of \(account) to \(url)" }
    public var debugDescription: String { description }
}
