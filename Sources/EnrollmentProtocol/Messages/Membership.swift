public import Foundation

/// In what state a connector is.
public enum ConnectorState: String, Codable, Sendable, CaseIterable {
    case active, frozen, revoked
}

/// The answer to `GET /v1/self`: how the tenant sees the caller.
public struct SelfAnswer: Codable, Sendable, Equatable {
    /// The connector's id.
    public var connectorID: String
    /// Its tenant.
    public var tenant: TenantReference
    /// Its service account.
    public var account: String
    /// Its role.
    public var role: AccountRole
    /// Its state.
    public var state: ConnectorState
    /// The groups that it serves.
    public var groups: [GroupReference]
    /// Counts the renewals, from 1.
    public var generation: Int
    /// Until when the certificate that was shown is valid.
    public var notAfter: Date
    /// The tenant's clock.
    public var serverTime: Date
    /// The newest head of the caller's audit log that the tenant keeps.
    public var auditHead: AuditHeadReference?

    /// Makes an answer.
    public init(
        connectorID: String, tenant: TenantReference, account: String, role: AccountRole, state: ConnectorState,
        groups: [GroupReference], generation: Int, notAfter: Date, serverTime: Date
    ) {
        self.connectorID = connectorID
        self.tenant = tenant
        self.account = account
        self.role = role
        self.state = state
        self.groups = groups
        self.generation = generation
        self.notAfter = notAfter
        self.serverTime = serverTime
    }

    enum CodingKeys: String, CodingKey {
        case tenant, account, role, state, groups, generation
        case connectorID = "connector_id"
        case notAfter = "not_after"
        case serverTime = "server_time"
        case auditHead = "audit_head"
    }
}

/// `POST /v1/heartbeat`: says that the connector lives.
public struct HeartbeatRequest: EnrollmentRequest, Equatable {
    /// The version of the program.
    public var version: String?
    /// The heads of the audit logs.
    public var audit: AuditHeadsMessage?

    /// Makes a request.
    public init(version: String? = nil, audit: AuditHeadsMessage? = nil) {
        self.version = version
        self.audit = audit
    }

    enum CodingKeys: String, CodingKey, CaseIterable { case version, audit }

    public static var fields: [String] { CodingKeys.allCases.map(\.rawValue) }
}

/// The answer to `POST /v1/heartbeat`.
public struct HeartbeatAnswer: Codable, Sendable, Equatable {
    /// The tenant's clock.
    public var serverTime: Date
    /// After how many seconds the next heartbeat is due.
    public var interval: Int
    /// What the connector shall do; it leaves alone what it does not know.
    public var actions: [String]
    /// The heads of the audit logs.
    public var audit: AuditHeadsMessage?
    /// The present epoch of each of the connector's groups that has one.
    public var epochs: [EpochReference]?
    /// The digests of the HPKE keys on file for the key that was shown; one that is missing has to be sent again.
    public var hpkeKeys: [HPKEKeyDigest]?

    /// Makes an answer.
    public init(
        serverTime: Date, interval: Int, actions: [String] = [], audit: AuditHeadsMessage? = nil,
        epochs: [EpochReference]? = nil, hpkeKeys: [HPKEKeyDigest]? = nil
    ) {
        self.serverTime = serverTime
        self.interval = interval
        self.actions = actions
        self.audit = audit
        self.epochs = epochs
        self.hpkeKeys = hpkeKeys
    }

    enum CodingKeys: String, CodingKey {
        case interval, actions, audit, epochs
        case serverTime = "server_time"
        case hpkeKeys = "hpke_keys"
    }
}

/// `POST /v1/certificates/revoke`, `/v1/connectors/{id}/revoke`, `…/freeze` and `…/reject`: for what reason, if there is one
/// to be kept.
public struct ReasonRequest: EnrollmentRequest, Equatable {
    /// Why, for the record; at most 255 bytes.
    public var reason: String?

    /// Makes a request.
    public init(reason: String? = nil) {
        self.reason = reason
    }

    enum CodingKeys: String, CodingKey, CaseIterable { case reason }

    public static var fields: [String] { CodingKeys.allCases.map(\.rawValue) }
}

/// A request whose body is empty: an object without fields.
public struct EmptyRequest: EnrollmentRequest, Equatable {
    /// Makes a request.
    public init() {}

    public static var fields: [String] { [] }
}
