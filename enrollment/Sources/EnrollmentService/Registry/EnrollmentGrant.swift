internal import EnrollmentProtocol
internal import Foundation
internal import GRDB

/// What the secret of an invitation opens.
struct EnrollmentGrant: Sendable {
    let id: String
    let tenant: Tenant
    let accountID: String
    let account: String
    let role: AccountRole
    let uses: Int
    let used: Int
    let expiresAt: Stamp
    let revokedAt: Stamp?
    /// For how many seconds a registration waits for an administrator; nil when none has to approve it.
    let approveWithin: Int?

    /// Takes a row of `enrollments` with the account's name as `account`.
    init(row: Row, tenant: Tenant, role: AccountRole) {
        id = row["id"]
        self.tenant = tenant
        accountID = row["account_id"]
        account = row["account"]
        self.role = role
        uses = row["uses"]
        used = row["used"]
        expiresAt = row["expires_at"]
        revokedAt = row["revoked_at"]
        approveWithin = row["approve_within"]
    }

    func state(at now: Date) -> EnrollmentState {
        if revokedAt != nil { return .revoked }
        if used >= uses { return .consumed }
        return expiresAt.date <= now ? .expired : .open
    }

    /// Refuses what can register nobody any more.
    func requireOpen(at now: Date) throws {
        switch state(at: now) {
        case .open: return
        case .consumed:
            throw Refusal(
                .enrollmentConsumed, "The invitation has registered all the connectors that it was made for.")
        case .expired:
            throw Refusal(.enrollmentExpired, "The invitation expired at \(RFC3339.text(of: expiresAt.date)).")
        case .revoked:
            throw Refusal(.enrollmentExpired, "The invitation was withdrawn by an administrator.")
        }
    }
}
