public import Foundation

/// A part of a list.
public struct Page<Item: Codable & Sendable>: Codable, Sendable {
    /// The items, in the order of their names or ids.
    public var items: [Item]
    /// What to give as `after` for the next part; nil at the end.
    public var next: String?

    /// Makes a part.
    public init(items: [Item], next: String? = nil) {
        self.items = items
        self.next = next
    }
}

/// `POST /v1/groups`: makes a group.
public struct GroupRequest: EnrollmentRequest, Equatable {
    /// The name: up to 63 lower-case letters, digits and hyphens.
    public var name: String

    /// Makes a request.
    public init(name: String) {
        self.name = name
    }

    enum CodingKeys: String, CodingKey, CaseIterable { case name }

    public static var fields: [String] { CodingKeys.allCases.map(\.rawValue) }
}

/// A group of connectors that serve the same network.
public struct GroupAnswer: Codable, Sendable, Equatable {
    /// The id.
    public var id: String
    /// The name.
    public var name: String
    /// When it was made.
    public var createdAt: Date
    /// How many active connectors serve it.
    public var activeConnectors: Int

    /// Makes an answer.
    public init(id: String, name: String, createdAt: Date, activeConnectors: Int) {
        self.id = id
        self.name = name
        self.createdAt = createdAt
        self.activeConnectors = activeConnectors
    }

    enum CodingKeys: String, CodingKey {
        case id, name
        case createdAt = "created_at"
        case activeConnectors = "active_connectors"
    }
}

/// What an API key opens.
public enum APIKeyScope: String, Codable, Sendable, CaseIterable {
    /// Calls services through the dispatcher.
    case call
    /// Administers the tenant.
    case admin
}

/// `POST /v1/apikeys`: makes an API key.
public struct APIKeyRequest: EnrollmentRequest, Equatable {
    /// What it is for, for people; at most 255 bytes.
    public var name: String
    /// What it opens; `call` unless said otherwise.
    public var scopes: [APIKeyScope]?
    /// The groups, by name, that it may call; all when left out.
    public var groups: [String]?
    /// The services that it may call; all when left out.
    public var services: [String]?
    /// After how many seconds it expires; never when left out.
    public var expiresIn: Int?

    /// Makes a request.
    public init(
        name: String, scopes: [APIKeyScope]? = nil, groups: [String]? = nil, services: [String]? = nil,
        expiresIn: Int? = nil
    ) {
        self.name = name
        self.scopes = scopes
        self.groups = groups
        self.services = services
        self.expiresIn = expiresIn
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case name, scopes, groups, services
        case expiresIn = "expires_in"
    }

    public static var fields: [String] { CodingKeys.allCases.map(\.rawValue) }
}

/// An API key.
public struct APIKeyAnswer: Codable, Sendable, Equatable {
    /// The id.
    public var id: String
    /// What it is for.
    public var name: String
    /// What it opens.
    public var scopes: [APIKeyScope]
    /// The groups that it may call; nil means all.
    public var groups: [GroupReference]?
    /// The services that it may call; nil means all.
    public var services: [String]?
    /// When it was made.
    public var createdAt: Date
    /// When it expires; nil means never.
    public var expiresAt: Date?
    /// The key itself; only in the answer that makes it, never again.
    public var key: String?

    /// Makes an answer.
    public init(
        id: String, name: String, scopes: [APIKeyScope], groups: [GroupReference]?, services: [String]?,
        createdAt: Date, expiresAt: Date?, key: String? = nil
    ) {
        self.id = id
        self.name = name
        self.scopes = scopes
        self.groups = groups
        self.services = services
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.key = key
    }

    enum CodingKeys: String, CodingKey {
        case id, name, scopes, groups, services, key
        case createdAt = "created_at"
        case expiresAt = "expires_at"
    }
}

/// The answer to `GET /v1/whoami`: as whom the caller administers.
public struct WhoAmIAnswer: Codable, Sendable, Equatable {
    /// `administrator` or `api-key`.
    public var kind: String
    /// The id of the administrator or of the key.
    public var id: String
    /// The name of the administrator or of the key.
    public var name: String
    /// The tenant that the credential belongs to.
    public var tenant: TenantReference
    /// What it may do.
    public var role: AdministratorRole?

    /// Makes an answer.
    public init(
        kind: String, id: String, name: String, tenant: TenantReference, role: AdministratorRole? = nil
    ) {
        self.kind = kind
        self.id = id
        self.name = name
        self.tenant = tenant
        self.role = role
    }
}
