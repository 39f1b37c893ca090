internal import ArgumentParser
internal import Foundation
internal import IdentityStore

/// `postern identity`.
struct IdentityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identity",
        abstract: "Says who this machine is for the tenant; shows nothing secret.",
        discussion: "The key's words are the same on the administrator's console. Exit code 3: not registered.",
        subcommands: [IdentityShowCommand.self, IdentityHistoryCommand.self],
        defaultSubcommand: IdentityShowCommand.self)
}

/// `postern identity show`, which is what `postern identity` does.
struct IdentityShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Says who this machine is for the tenant; the same as without it.")

    @OptionGroup var state: StateOptions
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await report(json: json) {
            let identity = try state.registeredIdentity()
            let summary = try IdentitySummary(identity, state: "registered")
            print(try json ? summary.json() : summary.text(now: Date(), notAfter: identity.record.notAfter))
        }
    }
}
