internal import CertificateAuthority
internal import Foundation
internal import Synchronization

/// Signs the list of revoked certificates when it is asked for, and gives the same one to all who ask soon after.
final class RevocationListSource: Sendable {
    /// For how many seconds a list is given out; less when a certificate is revoked meanwhile.
    static let freshness = 60
    /// By when, in seconds, whoever has a list needs a newer one.
    static let lifetime = 3600

    private struct State {
        var held: (madeAt: Date, list: RevocationList)?
        var changes = 0
        var number: UInt64 = 0
    }
    private let state = Mutex(State())

    /// Forgets the list that is held: it is not true any more.
    func invalidate() {
        state.withLock { state in
            state.held = nil
            state.changes += 1
        }
    }

    /// The list as it is now.
    func list(of installation: Installation, at now: Date) async throws -> RevocationList {
        let (held, changes) = state.withLock { ($0.held, $0.changes) }
        if let held, (0..<TimeInterval(Self.freshness)).contains(now.timeIntervalSince(held.madeAt)) {
            return held.list
        }
        let entries = try await installation.registry.revocations(at: now)
        let number = state.withLock { state in
            // By the clock, so that a restart does not begin anew; never the same twice.
            state.number = max(state.number + 1, UInt64(max(0, now.timeIntervalSince1970 * 1000)))
            return state.number
        }
        let list = try installation.authority.issueRevocationList(
            entries, number: number, lifetime: Self.lifetime, now: now)
        state.withLock { state in
            // What was revoked while it was made may be missing in it.
            if state.changes == changes { state.held = (now, list) }
        }
        return list
    }
}
