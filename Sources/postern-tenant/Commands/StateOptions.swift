internal import ArgumentParser
internal import EnrollmentService
internal import Foundation
internal import IdentityStore

/// Where the installation lies.
struct StateOptions: ParsableArguments {
    @Option(help: "The folder of the installation.")
    var stateDir = "/var/lib/postern-tenant"

    /// The folder.
    var folder: StateFolder {
        let credentials = ProcessInfo.processInfo.environment["CREDENTIALS_DIRECTORY"]
        return StateFolder(path: stateDir, encryption: KeyEncryption(credentialsDirectory: credentials))
    }
}
