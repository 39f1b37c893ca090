/// The name of a machine, as the one URI in its certificate says it.
///
/// Its text is `spiffe://<trust domain>/t/<tenant>/sa/<account>/c/<connector>`.
public struct MachineName: Sendable, Hashable, CustomStringConvertible {
    /// The installation that vouches for the name: a lower-case DNS-like name.
    public let trustDomain: String
    /// The slug of the tenant.
    public let tenant: String
    /// The slug of the service account.
    public let account: String
    /// The connector's id in its text form.
    public let connector: String

    /// Makes a name of parts, each of which is checked.
    public init(trustDomain: String, tenant: String, account: String, connector: String) throws(MachineIdentityError) {
        guard Self.isTrustDomain(trustDomain) else {
            throw MachineIdentityError(.invalidName, "\"\(trustDomain.prefix(80))\" is no trust domain")
        }
        for (kind, part) in [("tenant", tenant), ("account", account), ("connector", connector)] {
            guard Self.isSlug(part) else {
                throw MachineIdentityError(
                    .invalidName,
                    "\"\(part.prefix(80))\" is no \(kind) name: use 1 to 63 of a-z, 0-9 and -, with no - at either end")
            }
        }
        self.trustDomain = trustDomain
        self.tenant = tenant
        self.account = account
        self.connector = connector
    }

    /// Reads a name from the URI of a certificate; refuses every other spelling.
    public init(uri: String) throws(MachineIdentityError) {
        let scheme = "spiffe://"
        let parts = uri.dropFirst(scheme.count).split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard uri.utf8.count <= 1024, uri.hasPrefix(scheme), parts.count == 7, parts[1] == "t", parts[3] == "sa",
            parts[5] == "c"
        else { throw MachineIdentityError(.invalidName, "\"\(uri.prefix(80))\" is no machine name") }
        try self.init(trustDomain: parts[0], tenant: parts[2], account: parts[4], connector: parts[6])
    }

    /// The URI that stands in the certificate.
    public var uri: String { "spiffe://\(trustDomain)/t/\(tenant)/sa/\(account)/c/\(connector)" }

    public var description: String { uri }

    /// Whether the text can name a tenant, an account, a group or a connector.
    ///
    /// 1 to 63 characters of `a-z`, `0-9` and `-`, beginning and ending with a letter or digit.
    public static func isSlug(_ text: String) -> Bool {
        let characters = text.utf8
        guard (1...63).contains(characters.count), characters.first != UInt8(ascii: "-"),
            characters.last != UInt8(ascii: "-")
        else { return false }
        return characters.allSatisfy { character in
            switch character {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): true
            default: false
            }
        }
    }

    /// Whether the text can be a trust domain: slugs joined by dots, 255 characters at most.
    public static func isTrustDomain(_ text: String) -> Bool {
        text.utf8.count <= 255
            && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { isSlug(String($0)) }
    }
}
