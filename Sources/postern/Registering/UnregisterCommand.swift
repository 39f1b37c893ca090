internal import ArgumentParser
internal import DurableFiles
internal import EnrollmentClient
internal import Foundation
internal import IdentityStore

/// `postern unregister`.
struct UnregisterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unregister",
        abstract: "Gives this machine's identity up: the tenant revokes it, then it is erased here.",
        discussion: """
            It does not come back; a new invitation is needed. Stop the service first.
            Keys in an HSM or TPM are destroyed there.
            With --local the tenant is not asked: an administrator must revoke the connector there.
            """)

    @OptionGroup var state: StateOptions
    @OptionGroup var network: NetworkOptions
    @Flag(help: "Only erase the identity here, even a damaged one.") var local = false
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await report(json: json) {
            if local {
                try await erase()
                return tell("erased", "The identity in \(state.stateDir) is erased. The tenant does not know of it.")
            }
            let identity = try state.registeredIdentity()
            let wasRevoked = try await revoke(identity)
            try await erase()
            let connector = identity.record.connectorID
            tell(
                "unregistered",
                wasRevoked
                    ? "Connector \(connector) is revoked at the tenant and erased here."
                    : "The tenant no longer accepted connector \(connector); it is erased here.")
        }
    }

    /// Asks the tenant to revoke; false if it did not want this identity any more anyway.
    private func revoke(_ identity: LoadedIdentity) async throws -> Bool {
        let network = try network.settings()
        let http = try TenantHTTPClient(
            identity: identity, proxies: network.proxies, systemAuthorityFile: network.authorityFile)
        do {
            try await http.use { http async throws(EnrollmentClientError) in
                try await EnrollmentCalls.registered(over: http).revoke(reason: "unregistered by its machine")
            }
            return true
        } catch {
            guard ![.rejected, .frozen, .certificateEnded].contains(error.code) else { return false }
            throw EnrollmentClientError(
                error.code, "The tenant could not be asked to revoke: \(error.message)",
                advice: "Nothing was erased. Try again, or erase only here with --local. \(error.advice)",
                problem: error.problem)
        }
    }

    /// Erases files and keys; names the keys that a token keeps.
    private func erase() async throws {
        let store = state.store
        let kept = try await Blocking.run { () throws(IdentityStoreError) in try store.erase() }
        for key in kept {
            FileHandle.standardError.write(
                Data(
                    """
                    warning: the key at \(key.place) was not destroyed: \(key.reason).
                             Remove it by: pkcs11-tool --login --delete-object --type privkey --id ID (and --type pubkey)

                    """.utf8))
        }
    }

    private func tell(_ state: String, _ text: String) {
        print(json ? "{\"state\":\"\(state)\"}" : text)
    }
}
