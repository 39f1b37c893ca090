internal import ArgumentParser
internal import Connector
internal import EnrollmentClient
internal import EnrollmentProtocol
internal import Foundation
internal import IdentityStore
internal import MachineIdentity

/// `postern rotate`.
struct RotateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate",
        abstract: "Renews the certificate now, with a new key.",
        discussion: """
            The service does this by itself in good time. With a running service it is the service that renews, and no
            call notices; without one the command does it. A certificate that has ended is recovered, until 30 days
            after its end. Run again after a failure, it goes on with the same new key.

            Exit codes: 0 renewed; 5 a copy of this folder has renewed; 6 frozen, revoked, or ended too long ago;
            8 the tenant was not reached.
            """)

    @OptionGroup var state: StateOptions
    @OptionGroup var networkOptions: NetworkOptions
    @OptionGroup var logging: LoggingOptions
    @Flag(help: "Only say what would happen; nothing is made or sent but a question after the own state.")
    var dryRun = false
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await report(json: json) {
            let identity = try state.registeredIdentity()
            let network = try networkOptions.settings()
            guard !dryRun else {
                return try await RotationRehearsal(identity: identity, state: state, network: network).tell(json: json)
            }
            do {
                try tell(try await ControlClient(path: state.controlSocket).rotate())
            } catch ControlClient.Failure.notRunning {
                try tell(try await rotateAlone(network, since: identity.record.generation))
            } catch ControlClient.Failure.refused(let text) {
                throw CommandFailure(.unexpected, text, advice: "'postern status' says how it stands.")
            } catch ControlClient.Failure.unexpected(let text) {
                throw CommandFailure(.unexpected, text, advice: "Are service and command of the same version?")
            }
        }
    }

    /// Renews without a service, which must not be started meanwhile.
    ///
    /// - Parameter generation: that of the certificate when the command was given. A service that was killed may have
    ///   renewed it and not said so any more.
    private func rotateAlone(
        _ network: NetworkSettings, since generation: Int
    ) async throws -> ControlAnswer.Rotation {
        guard let lock = try StateFolder(path: state.stateDir).lock("run.lock") else {
            throw CommandFailure(
                .usage, "a connector has just started, or is about to, with the state folder \(state.stateDir)",
                advice: "Try again when 'postern status' answers.", reason: "already-running")
        }
        // Read again: only now nobody else changes it.
        let connection = try TenantConnection(
            identity: try state.registeredIdentity(), proxies: network.proxies,
            systemAuthorityFile: network.authorityFile)
        let clock = TenantClock()
        do {
            let renewal = try CertificateRenewal(
                connection: connection, store: state.store, clock: clock,
                logger: logging.logger(label: "postern", quiet: true))
            var standing = await renewal.standing
            if standing.record.generation == generation || standing.machine.phase != .idle {
                standing = await renewal.rotate()
            }
            await connection.shutdown()
            withExtendedLifetime(lock) {}
            return ControlAnswer.Rotation(standing, key: connection.identity.key.fingerprint, at: clock.now)
        } catch {
            await connection.shutdown()
            throw error
        }
    }

    private func tell(_ rotation: ControlAnswer.Rotation) throws {
        if let failure = rotation.failure {
            throw CommandFailure(
                rotation.exitCode.flatMap(PosternExitCode.init) ?? .unexpected, "not renewed: \(failure)",
                advice: rotation.advice ?? "", reason: rotation.reason)
        }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return print(String(decoding: try encoder.encode(rotation), as: UTF8.self))
        }
        let certificate = rotation.certificate
        print(
            """
            renewed: generation \(certificate.generation)
            key          \(rotation.key)
            certificate  until \(certificate.notAfter), to be renewed at \(certificate.renewAt)
            """)
    }
}
