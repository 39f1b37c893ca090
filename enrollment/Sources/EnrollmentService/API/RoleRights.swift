internal import EnrollmentProtocol
internal import Foundation

/// What the accounts of each role and the administrators may do, as data: `enrollment/profiles/roles.json`.
///
/// The file is what people read and change; the compiled-in value is the same, and a test holds them together.
struct RoleRights: Sendable, Equatable, Decodable {
    /// Something that an account or an administrator may be allowed.
    enum Right: String, Sendable, Decodable, CaseIterable {
        /// Register members with an invitation.
        case register = "connector.register"
        /// Be a member: tell its state, send heartbeats, fetch queue credentials.
        case heartbeat = "connector.heartbeat"
        /// The same for dispatchers on a machine of their own.
        case registerDispatcher = "dispatcher.register"
        case heartbeatDispatcher = "dispatcher.heartbeat"
        /// Look at requests, and why they are as they are.
        case readRequests = "requests.read"
        /// Cancel requests, and send them again.
        case changeRequests = "requests.change"
        /// Drain, pause and resume connectors.
        case drainConnectors = "connectors.drain"
    }

    private let rights: [String: Set<Right>]

    init(from decoder: any Decoder) throws {
        rights = try decoder.singleValueContainer().decode([String: Set<Right>].self)
    }

    init(_ rights: [AccountRole: Set<Right>], administrators: [AdministratorRole: Set<Right>]) {
        var all = Dictionary(uniqueKeysWithValues: rights.map { ($0.key.rawValue, $0.value) })
        for (role, rights) in administrators { all[role.rawValue] = rights }
        self.rights = all
    }

    /// The compiled-in roles.
    static let standard = RoleRights(
        [.connector: [.register, .heartbeat], .dispatcher: [.registerDispatcher, .heartbeatDispatcher]],
        administrators: [
            .administrator: [.readRequests, .changeRequests, .drainConnectors], .auditor: [.readRequests],
        ])

    func mayRegister(_ role: AccountRole) -> Bool {
        has(role, role == .dispatcher ? .registerDispatcher : .register)
    }

    func mayServe(_ role: AccountRole) -> Bool {
        has(role, role == .dispatcher ? .heartbeatDispatcher : .heartbeat)
    }

    /// Whether administrators, and API keys with the scope `admin`, may do something outside of this service.
    func may(_ right: Right, as role: AdministratorRole) -> Bool { rights[role.rawValue]?.contains(right) == true }

    private func has(_ role: AccountRole, _ right: Right) -> Bool { rights[role.rawValue]?.contains(right) == true }
}
