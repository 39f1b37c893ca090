internal import ArgumentParser
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
            With --local the tenant is not asked: an administrator must revoke the connector there.
            """)

    @OptionGroup var state: StateOptions
    @OptionGroup var network: NetworkOptions
    @Flag(help: "Only erase the identity here, even a damaged one.") var local = false
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await report(json: json) {
            if local {
                try state.store.erase()
                return tell("erased", "The identity in \(state.stateDir) is erased. The tenant does not know of it.")
            }
            let identity = try state.registeredIdentity()
            let wasRevoked = try await revoke(identity)
            try state.store.erase()
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

    private func tell(_ state: String, _ text: String) {
        print(json ? "{\"state\":\"\(state)\"}" : text)
    }
}
