internal import EnrollmentProtocol
internal import Foundation

/// What the accounts of each role may do, as data: `enrollment/profiles/roles.json`.
///
/// The file is what people read and change; the compiled-in value is the same, and a test holds them together.
struct RoleRights: Sendable, Equatable, Decodable {
    /// Something that an account may be allowed.
    enum Right: String, Sendable, Decodable, CaseIterable {
        /// Register members with an invitation.
        case register = "connector.register"
        /// Be a member: tell its state, send heartbeats, fetch queue credentials.
        case heartbeat = "connector.heartbeat"
        /// The same for dispatchers on a machine of their own.
        case registerDispatcher = "dispatcher.register"
        case heartbeatDispatcher = "dispatcher.heartbeat"
    }

    private let rights: [String: Set<Right>]

    init(from decoder: any Decoder) throws {
        rights = try decoder.singleValueContainer().decode([String: Set<Right>].self)
    }

    init(_ rights: [AccountRole: Set<Right>]) {
        self.rights = Dictionary(uniqueKeysWithValues: rights.map { ($0.key.rawValue, $0.value) })
    }

    /// The compiled-in roles.
    static let standard = RoleRights([
        .connector: [.register, .heartbeat], .dispatcher: [.registerDispatcher, .heartbeatDispatcher],
    ])

    func mayRegister(_ role: AccountRole) -> Bool {
        has(role, role == .dispatcher ? .registerDispatcher : .register)
    }

    func mayServe(_ role: AccountRole) -> Bool {
        has(role, role == .dispatcher ? .heartbeatDispatcher : .heartbeat)
    }

    private func has(_ role: AccountRole, _ right: Right) -> Bool { rights[role.rawValue]?.contains(right) == true }
}
