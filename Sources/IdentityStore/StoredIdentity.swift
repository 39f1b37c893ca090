public import EnrollmentProtocol
public import struct Foundation.Date
public import typealias Foundation.TimeInterval
public import MachineIdentity

/// What a registered machine knows about itself and its tenant: `identity.json`.
public struct StoredIdentity: Sendable, Equatable, Codable {
    /// The connector's id.
    public var connectorID: String
    /// What the administrator reads beside the id.
    public var displayName: String?
    /// The tenant's id and name.
    public var tenant: TenantReference
    /// The service account.
    public var account: String
    /// The groups that the connector served when it last heard.
    public var groups: [GroupReference]
    /// The installation in the certificate's name.
    public var trustDomain: String
    /// Where the tenant is, as `https://host[:port]`.
    public var tenantURL: String
    /// Whom to believe there.
    public var serverTrust: ServerTrust
    /// The pin of the TLS issuer that the server had at registration, where one was shown.
    public var serverIssuerPin: Pin?
    /// The pin of the installation's root.
    public var authorityPin: Pin
    /// The tenant's Key Authority.
    public var keyAuthority: KeyAuthorityReference
    /// Counts the renewals of the certificate.
    public var generation: Int
    /// When the certificate ends.
    public var notAfter: Date
    /// When the certificate should be renewed.
    public var renewAt: Date
    /// When the machine was registered.
    public var registeredAt: Date
    /// The SHA-256 of the secret that registered it, by which the same invitation is recognised.
    public var invitationDigest: String
    /// For how many days after its end the certificate can still be renewed, as the tenant said with it.
    public var recoveryDays: Int?

    /// Makes a record.
    public init(
        connectorID: String, displayName: String? = nil, tenant: TenantReference, account: String,
        groups: [GroupReference], trustDomain: String,
        tenantURL: String, serverTrust: ServerTrust, serverIssuerPin: Pin?, authorityPin: Pin,
        keyAuthority: KeyAuthorityReference, generation: Int, notAfter: Date, renewAt: Date, registeredAt: Date,
        invitationDigest: String, recoveryDays: Int? = nil
    ) {
        self.connectorID = connectorID
        self.displayName = displayName
        self.tenant = tenant
        self.account = account
        self.groups = groups
        self.trustDomain = trustDomain
        self.tenantURL = tenantURL
        self.serverTrust = serverTrust
        self.serverIssuerPin = serverIssuerPin
        self.authorityPin = authorityPin
        self.keyAuthority = keyAuthority
        self.generation = generation
        self.notAfter = notAfter
        self.renewAt = renewAt
        self.registeredAt = registeredAt
        self.invitationDigest = invitationDigest
        self.recoveryDays = recoveryDays
    }

    /// What people call the machine: its name, else its id.
    public var shownName: String { displayName ?? connectorID }

    /// For how long after its end the certificate can still be renewed.
    public var recovery: TimeInterval { recoveryDays.map { TimeInterval($0) * 86_400 } ?? RenewalMachine.recovery }

    /// Until when it can be renewed, with its end behind it.
    public var recoveryEnds: Date { notAfter.addingTimeInterval(recovery) }

    enum CodingKeys: String, CodingKey {
        case tenant, account, groups, generation
        case connectorID = "connector_id"
        case displayName = "display_name"
        case trustDomain = "trust_domain"
        case tenantURL = "tenant_url"
        case serverTrust = "server_trust"
        case serverIssuerPin = "server_issuer_pin"
        case authorityPin = "authority_pin"
        case keyAuthority = "key_authority"
        case notAfter = "not_after"
        case renewAt = "renew_at"
        case registeredAt = "registered_at"
        case invitationDigest = "invitation_digest"
        case recoveryDays = "recovery_days"
    }
}
