internal import DurableFiles
internal import EnrollmentClient
internal import EnrollmentProtocol
internal import Foundation
internal import HTTPProblems
internal import IdentityStore

/// Gives a registered machine a new identity: registers beside the old one, exchanges them, and gives the old one up.
struct IdentityExchange {
    /// What has become of the identity that the machine had.
    struct Old: Encodable {
        enum Fate: String, Encodable {
            /// It has given itself up at the tenant.
            case revoked
            /// The tenant had revoked it before.
            case wasRevoked = "was_revoked"
            /// It could not give itself up.
            case stillRegistered = "still_registered"
            /// Its files could not be read.
            case unknown
        }
        let connectorID: String?
        let fate: Fate

        var text: String {
            let id = connectorID ?? "ID"
            return switch fate {
            case .revoked: "Connector \(id), which this machine was before, has given itself up at the tenant."
            case .wasRevoked: "Connector \(id), which this machine was before, is revoked."
            case .stillRegistered:
                "Connector \(id), which this machine was before, is still registered: let an administrator end it with"
                    + " 'posternctl connectors revoke \(id)'."
            case .unknown:
                "What this machine was before could not be read; if the tenant still lists it, let an administrator end"
                    + " it with 'posternctl connectors revoke ID'."
            }
        }
    }

    let store: FolderIdentityStore
    let stateDir: String
    let network: NetworkSettings

    /// Exchanges the identity, or goes on with an exchange that was interrupted.
    ///
    /// - Parameter register: registers in the store that it is given, under the name that it is given unless told another.
    func run(
        _ register: (FolderIdentityStore, _ name: String?) async throws -> Registration.Outcome
    ) async throws -> (outcome: Registration.Outcome, old: Old?) {
        try store.prepare()
        guard let lock = try StateFolder(path: stateDir).lock("run.lock") else {
            throw CommandFailure(
                .usage, "a connector runs with the state folder \(stateDir)",
                advice: "Stop its service first, then register with --replace again.", reason: "already-running")
        }
        defer { withExtendedLifetime(lock) {} }
        let replacement = IdentityReplacement(of: store)
        // One that was whole when it was interrupted comes first, whatever invitation is used now.
        let isResumed = try replacement.isReady
        try await Blocking.run { () throws(IdentityStoreError) in try replacement.promote() }
        // Damage is a reason to replace it.
        let old = (try? store.load()) ?? nil
        if let old {
            do {
                // Asks nobody: it finds what this invitation has registered, or that another one has.
                return (try await register(store, old.record.displayName), await retire(replacement.predecessor))
            } catch let error as EnrollmentClientError where error.code == .alreadyRegistered {}
            if isResumed { _ = await retire(replacement.predecessor) }
        }
        let outcome = try await register(replacement.successor, old?.record.displayName)
        if case .rehearsed = outcome { return (outcome, nil) }
        try await Blocking.run { () throws(IdentityStoreError) in try replacement.promote() }
        return (outcome, await retire(replacement.predecessor))
    }

    /// Lets the old identity give itself up, as long as its key is worth anything; nil if there was none.
    private func retire(_ predecessor: FolderIdentityStore) async -> Old? {
        let old: LoadedIdentity
        do {
            guard let known = try predecessor.load() else { return nil }
            old = known
        } catch { return Old(connectorID: nil, fate: .unknown) }
        do throws(EnrollmentClientError) {
            let http = try TenantHTTPClient(
                identity: old, proxies: network.proxies, systemAuthorityFile: network.authorityFile)
            try await http.use { http async throws(EnrollmentClientError) in
                try await EnrollmentCalls.registered(over: http).revoke(reason: "replaced on its own machine")
            }
            return Old(connectorID: old.record.connectorID, fate: .revoked)
        } catch {
            let isRevoked = error.problem?.code == EnrollmentProblem.certificateRevoked.rawValue
            return Old(connectorID: old.record.connectorID, fate: isRevoked ? .wasRevoked : .stillRegistered)
        }
    }
}
