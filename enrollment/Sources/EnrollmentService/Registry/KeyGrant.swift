internal import EnrollmentProtocol
internal import GRDB

/// What an API key opens, as the registry keeps it.
struct KeyGrant: Sendable {
    let id: String
    let name: String
    let scopes: Set<APIKeyScope>
    /// Whether only the groups listed beside it may be called.
    let isConfined: Bool
    let services: Set<String>?
    let expiresAt: Stamp?

    /// Takes a row of `api_keys`.
    init(row: Row) {
        id = row["id"]
        name = row["name"]
        scopes = Set((row["scopes"] as String).split(separator: " ").compactMap { APIKeyScope(rawValue: String($0)) })
        isConfined = row["is_confined"]
        services = (row["services"] as String?).map { Set($0.split(separator: " ").map(String.init)) }
        expiresAt = row["expires_at"]
    }
}
