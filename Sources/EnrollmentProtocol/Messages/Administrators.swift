public import Foundation

/// What an administrator may do.
public enum AdministratorRole: String, Codable, Sendable, CaseIterable {
    /// Everything.
    case administrator
    /// Look at everything, and change nothing.
    case auditor
}

/// `POST /v1/administrators`: makes one more administrator of the tenant.
public struct AdministratorRequest: EnrollmentRequest, Equatable {
    /// The name: up to 63 lower-case letters, digits and hyphens.
    public var name: String
    /// What they may do; everything unless said otherwise.
    public var role: AdministratorRole?

    /// Makes a request.
    public init(name: String, role: AdministratorRole? = nil) {
        self.name = name
        self.role = role
    }

    enum CodingKeys: String, CodingKey, CaseIterable { case name, role }

    public static var fields: [String] { CodingKeys.allCases.map(\.rawValue) }
}

/// Somebody who administers a tenant, by a credential of their own.
public struct AdministratorAnswer: Codable, Sendable, Equatable {
    /// The id.
    public var id: String
    /// The name.
    public var name: String
    /// What they may do.
    public var role: AdministratorRole
    /// When they were made.
    public var createdAt: Date
    /// The credential; only in the answer that makes it, never again.
    public var credential: String?

    /// Makes an answer.
    public init(id: String, name: String, role: AdministratorRole, createdAt: Date, credential: String? = nil) {
        self.id = id
        self.name = name
        self.role = role
        self.createdAt = createdAt
        self.credential = credential
    }

    enum CodingKeys: String, CodingKey {
        case id, name, role, credential
        case createdAt = "created_at"
    }
}
