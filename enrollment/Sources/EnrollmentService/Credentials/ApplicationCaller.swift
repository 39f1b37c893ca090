public import EnrollmentProtocol
internal import Foundation

/// An application that calls services: what its key opens.
public struct ApplicationCaller: Sendable, Equatable {
    /// The tenant that the key belongs to.
    public let tenant: TenantReference
    /// The id of the key, for logs; never the key itself.
    public let keyID: String
    /// The groups that it may call, with their ids: all of the tenant's for a key that is not confined.
    public let groups: [GroupReference]
    /// The services that it may call; nil means all.
    public let services: Set<String>?
    /// When the key ends.
    let expiresAt: Date?
    private let groupsByName: [String: GroupReference]

    init(
        tenant: TenantReference, keyID: String, groups: [GroupReference], services: Set<String>?, expiresAt: Date?
    ) {
        self.tenant = tenant
        self.keyID = keyID
        self.groups = groups
        self.services = services
        self.expiresAt = expiresAt
        groupsByName = Dictionary(groups.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The group of a name, if the key opens it.
    public func group(named name: String) -> GroupReference? { groupsByName[name] }

    /// Whether the key opens a service.
    public func mayCall(service: String) -> Bool { services?.contains(service) ?? true }
}
