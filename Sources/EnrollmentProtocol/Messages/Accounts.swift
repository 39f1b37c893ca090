public import Foundation

/// What an account's members are.
public enum AccountRole: String, Codable, Sendable, CaseIterable {
    case connector, dispatcher
}

/// `POST /v1/accounts`: makes a service account.
public struct AccountRequest: EnrollmentRequest, Equatable {
    /// The name: up to 63 lower-case letters, digits and hyphens.
    public var name: String
    /// What its members are; a connector unless said otherwise.
    public var role: AccountRole?
    /// The groups, by name, that its connectors join.
    public var groups: [String]?

    /// Makes a request.
    public init(name: String, role: AccountRole? = nil, groups: [String]? = nil) {
        self.name = name
        self.role = role
        self.groups = groups
    }

    enum CodingKeys: String, CodingKey, CaseIterable { case name, role, groups }

    public static var fields: [String] { CodingKeys.allCases.map(\.rawValue) }
}

/// A service account.
public struct AccountAnswer: Codable, Sendable, Equatable {
    /// The name.
    public var name: String
    /// What its members are.
    public var role: AccountRole
    /// The groups that its connectors join.
    public var groups: [GroupReference]
    /// When it was made.
    public var createdAt: Date
    /// How many of its connectors are active.
    public var activeConnectors: Int

    /// Makes an answer.
    public init(name: String, role: AccountRole, groups: [GroupReference], createdAt: Date, activeConnectors: Int) {
        self.name = name
        self.role = role
        self.groups = groups
        self.createdAt = createdAt
        self.activeConnectors = activeConnectors
    }

    enum CodingKeys: String, CodingKey {
        case name, role, groups
        case createdAt = "created_at"
        case activeConnectors = "active_connectors"
    }
}

/// `POST /v1/accounts/{account}/enrollments`: makes an invitation.
public struct InvitationRequest: EnrollmentRequest, Equatable {
    /// For how many seconds it can be used; an hour unless said otherwise, a day at most.
    public var expiresIn: Int?
    /// How many connectors it registers; one unless said otherwise, a hundred at most.
    public var uses: Int?
    /// Whether an administrator has to approve each registration.
    public var approve: Bool?
    /// For how many seconds a registration waits for that; a day unless said otherwise, a week at most.
    public var approveWithin: Int?

    /// Makes a request.
    public init(expiresIn: Int? = nil, uses: Int? = nil, approve: Bool? = nil, approveWithin: Int? = nil) {
        self.expiresIn = expiresIn
        self.uses = uses
        self.approve = approve
        self.approveWithin = approveWithin
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case uses, approve
        case expiresIn = "expires_in"
        case approveWithin = "approve_within"
    }

    public static var fields: [String] { CodingKeys.allCases.map(\.rawValue) }
}

/// In what state an enrollment is.
public enum EnrollmentState: String, Codable, Sendable, CaseIterable {
    case open, consumed, expired, revoked
}

/// An enrollment: the right to register a number of connectors for an account.
public struct EnrollmentAnswer: Codable, Sendable, Equatable {
    /// The id.
    public var id: String
    /// The account.
    public var account: String
    /// The state.
    public var state: EnrollmentState
    /// How many connectors it registers.
    public var uses: Int
    /// How many it has registered.
    public var used: Int
    /// When it was made.
    public var createdAt: Date
    /// Until when it can be used.
    public var expiresAt: Date
    /// The connectors that it registered.
    public var connectors: [String]
    /// For how many seconds a registration waits for an administrator; nil when none has to approve it.
    public var approveWithin: Int?
    /// The text to hand over; only in the answer that makes the enrollment, never again.
    public var invitation: String?
    /// The secret within the invitation, for `postern register --secret-file`; only there, as well.
    public var secret: String?

    /// Makes an answer.
    public init(
        id: String, account: String, state: EnrollmentState, uses: Int, used: Int, createdAt: Date, expiresAt: Date,
        connectors: [String], approveWithin: Int? = nil, invitation: String? = nil, secret: String? = nil
    ) {
        self.id = id
        self.account = account
        self.state = state
        self.uses = uses
        self.used = used
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.connectors = connectors
        self.approveWithin = approveWithin
        self.invitation = invitation
        self.secret = secret
    }

    enum CodingKeys: String, CodingKey {
        case id, account, state, uses, used, connectors, invitation, secret
        case createdAt = "created_at"
        case expiresAt = "expires_at"
        case approveWithin = "approve_within"
    }
}
