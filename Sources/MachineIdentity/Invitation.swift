internal import Crypto

/// Everything that a machine needs to register, as one string to hand over.
///
/// `postern-invitation:` and base64url of: format (1 byte, 1), length of all (2 bytes, big endian), secret (32), pins of
/// the TLS issuer, the installation's CA and the Key Authority (32 each), length and text of the URL (2 + n) and of the
/// account (2 + n), and the first four bytes of the SHA-256 of all that.
public struct Invitation: Sendable, Equatable, CustomStringConvertible {
    /// What an invitation begins with.
    public static let prefix = "postern-invitation:"
    private static let format: UInt8 = 1
    private static let longest = 4096

    /// Where the tenant is, as an `https` URL without a path.
    public let tenantURL: String
    /// The slug of the service account.
    public let account: String
    /// What proves that the bearer was invited.
    public let secret: SecretToken
    /// Whom the bearer may believe.
    public let pins: Pins

    /// Makes an invitation.
    public init(tenantURL: String, account: String, secret: SecretToken, pins: Pins) throws(MachineIdentityError) {
        guard tenantURL.hasPrefix("https://"), (9...2000).contains(tenantURL.utf8.count),
            !tenantURL.contains(where: \.isWhitespace)
        else { throw MachineIdentityError(.invalidInvitation, "the tenant's URL must begin with https://") }
        guard MachineName.isSlug(account) else {
            throw MachineIdentityError(.invalidInvitation, "\"\(account.prefix(80))\" is no account name")
        }
        guard secret.kind == .enrollment else {
            throw MachineIdentityError(.invalidInvitation, "an invitation carries an enrollment secret")
        }
        self.tenantURL = tenantURL
        self.account = account
        self.secret = secret
        self.pins = pins
    }

    /// The string to hand over; it contains the secret.
    public func reveal() -> String {
        var body = secret.bytes + pins.tlsIssuer.bytes + pins.installationCA.bytes + pins.keyAuthority.bytes
        for text in [tenantURL, account] {
            body += [UInt8(text.utf8.count >> 8), UInt8(text.utf8.count & 0xff)] + Array(text.utf8)
        }
        let length = 3 + body.count + 4
        let bytes = [Self.format, UInt8(length >> 8), UInt8(length & 0xff)] + body
        return Self.prefix + Base64URL.encode(bytes + SHA256.hash(data: bytes).prefix(4))
    }

    /// Reads an invitation; line breaks and spaces that a mail program put into it do no harm.
    public init(parsing text: String) throws(MachineIdentityError) {
        let cutOff = MachineIdentityError(
            .invalidInvitation, "the invitation is cut off: its end is missing; copy it again, whole")
        let mistyped = MachineIdentityError(
            .invalidInvitation, "the invitation was changed on its way: its checksum does not fit; copy it again")
        guard text.utf8.count <= Self.longest else {
            throw MachineIdentityError(.invalidInvitation, "this is too long for an invitation")
        }
        let word = text.filter { !$0.isWhitespace }
        guard word.hasPrefix(Self.prefix) else {
            throw MachineIdentityError(.invalidInvitation, "an invitation begins with \(Self.prefix)")
        }
        let payload = word.dropFirst(Self.prefix.count)
        guard let bytes = Base64URL.decode(payload) ?? Base64URL.decode(payload.dropLast()) else { throw mistyped }
        guard bytes.count >= 3 else { throw cutOff }
        guard bytes[0] == Self.format else {
            throw MachineIdentityError(
                .invalidInvitation,
                "the invitation has format \(bytes[0]); this program knows format \(Self.format): update it")
        }
        let length = Int(bytes[1]) << 8 | Int(bytes[2])
        guard bytes.count >= length else { throw cutOff }
        guard bytes.count == length, length >= 3 + 128 + 4 + 4,
            Array(SHA256.hash(data: Array(bytes.dropLast(4))).prefix(4)) == Array(bytes.suffix(4))
        else { throw mistyped }

        var rest = bytes.dropFirst(3).dropLast(4)
        func take(_ count: Int) throws(MachineIdentityError) -> [UInt8] {
            guard rest.count >= count else { throw mistyped }
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }
        func takeText() throws(MachineIdentityError) -> String {
            let length = try take(2)
            guard let text = String(validating: try take(Int(length[0]) << 8 | Int(length[1])), as: UTF8.self) else {
                throw mistyped
            }
            return text
        }
        let secret = SecretToken(kind: .enrollment, bytes: try take(32))
        guard let tlsIssuer = KeyFingerprint(bytes: try take(32)),
            let installationCA = CertificateFingerprint(bytes: try take(32)),
            let keyAuthority = KeyFingerprint(bytes: try take(32))
        else { throw mistyped }
        let url = try takeText()
        let account = try takeText()
        try self.init(
            tenantURL: url, account: account, secret: secret,
            pins: Pins(tlsIssuer: tlsIssuer, installationCA: installationCA, keyAuthority: keyAuthority))
    }

    public var description: String { "invitation of \(account) to \(tenantURL)" }
}
