internal import EnrollmentProtocol
internal import Foundation
internal import IdentityStore
internal import MachineIdentity

/// Who this machine is, for people and for programs; nothing in it is secret.
struct IdentitySummary: Encodable {
    let state: String
    let connectorID: String
    let displayName: String?
    let tenant: String
    let account: String
    let groups: [String]
    let tenantURL: String
    let name: String
    let keyFingerprint: String
    let keyWords: String
    /// Where the key is that a token holds; nil for one in the state folder.
    let keyPlace: String?
    let certificateFingerprint: String
    let certificateNotAfter: String
    let renewAt: String
    let generation: Int
    let registeredAt: String
    let authorityPin: String
    let keyAuthorityPin: String
    /// The identity in whose place it came, and what has become of that.
    let replaced: IdentityExchange.Old?

    init(_ identity: LoadedIdentity, state: String, replaced: IdentityExchange.Old? = nil) throws {
        self.replaced = replaced
        let record = identity.record
        self.state = state
        connectorID = record.connectorID
        displayName = record.displayName
        tenant = record.tenant.slug
        account = record.account
        groups = record.groups.map(\.name)
        tenantURL = record.tenantURL
        name = try MachineName(
            trustDomain: record.trustDomain, tenant: record.tenant.slug, account: record.account,
            connector: record.connectorID
        ).uri
        keyFingerprint = identity.key.fingerprint.description
        keyPlace = identity.key.heldKey?.place
        keyWords = identity.key.fingerprint.words
        certificateFingerprint = CertificateFingerprint(certificate: identity.certificates[0]).description
        certificateNotAfter = RFC3339.text(of: record.notAfter)
        renewAt = RFC3339.text(of: record.renewAt)
        generation = record.generation
        registeredAt = RFC3339.text(of: record.registeredAt)
        authorityPin = record.authorityPin.description
        keyAuthorityPin = record.keyAuthority.pin.description
    }

    /// The object for programs.
    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    /// The lines for people.
    func text(now: Date, notAfter: Date) -> String {
        """
        connector     \(connectorID)\(displayName.map { " (\($0))" } ?? "")
        tenant        \(tenant) at \(tenantURL)
        account       \(account)
        groups        \(groups.isEmpty ? "none" : groups.joined(separator: ", "))
        name          \(name)
        key           \(keyFingerprint)
                      \(keyWords)
                      in \(keyPlace.map { "the token of \($0)" } ?? "a file of the state folder")
        certificate   \(certificateFingerprint)
                      valid until \(certificateNotAfter)\(notAfter < now ? " (expired)" : ""), to be renewed at \(renewAt)
        generation    \(generation)
        registered    \(registeredAt)
        installation  \(authorityPin)
        Key Authority \(keyAuthorityPin)
        """
    }
}
