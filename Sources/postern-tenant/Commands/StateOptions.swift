internal import ArgumentParser
internal import EnrollmentService
internal import IdentityStore

/// Where the installation lies.
struct StateOptions: ParsableArguments {
    @Option(help: "The folder of the installation.")
    var stateDir = "/var/lib/postern-tenant"

    /// The folder.
    var folder: StateFolder { StateFolder(path: stateDir) }
}
