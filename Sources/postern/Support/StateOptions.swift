internal import ArgumentParser
internal import Foundation
internal import IdentityStore
internal import TokenKeys

/// Where the connector keeps its state.
struct StateOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The folder of the connector's identity and control socket.",
            discussion: "Also by POSTERN_STATE_DIR. A folder of one's own is enough to try everything."))
    var stateDir = ProcessInfo.processInfo.environment["POSTERN_STATE_DIR"] ?? "/var/lib/postern"

    /// The store in the folder.
    var store: FolderIdentityStore { store(newKeys: .asBefore) }

    /// The store in the folder, and where the first key is made.
    func store(newKeys: NewKeys) -> FolderIdentityStore {
        let environment = ProcessInfo.processInfo.environment
        return FolderIdentityStore(
            path: stateDir, encryption: KeyEncryption(credentialsDirectory: environment["CREDENTIALS_DIRECTORY"]),
            holder: TokenKeyHolder(environment: environment), newKeys: newKeys)
    }

    /// The socket by which other commands ask the running service.
    var controlSocket: String { stateDir + "/control.sock" }

    /// Where a running service keeps what it has begun and how it ended.
    var journal: String { stateDir + "/journal.sqlite" }

    /// Where it is on record what happened here.
    var audit: String { stateDir + "/audit.sqlite" }

    /// The identity; its absence ends the command with code 3.
    func registeredIdentity() throws -> LoadedIdentity {
        guard let identity = try store.load() else { throw notRegistered }
        return identity
    }

    /// What the machine knows about itself, for commands that need no key; its absence ends the command with code 3.
    func registeredRecord() throws -> StoredIdentity {
        guard let record = try store.loadRecord() else { throw notRegistered }
        return record
    }

    private var notRegistered: CommandFailure {
        CommandFailure(
            .notRegistered, "This machine is not registered (nothing in \(stateDir)).",
            advice: "Ask the tenant's administrator for an invitation, then: postern register <invitation>",
            reason: "not-registered")
    }
}
