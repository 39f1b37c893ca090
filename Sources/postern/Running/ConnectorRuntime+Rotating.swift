internal import Connector
internal import EnrollmentClient
internal import EnrollmentProtocol
internal import Foundation
internal import IdentityStore
internal import MachineIdentity

extension ConnectorRuntime {
    /// Renews the certificate now, as the control socket was told.
    func rotate() async throws(ControlRefusal) -> ControlAnswer.Rotation {
        guard let renewal else { throw ControlRefusal("this process keeps no certificate") }
        let standing = await renewal.rotate()
        await keys.handIn()
        queue.lookAgain()
        return ControlAnswer.Rotation(standing, key: connection.identity.key.fingerprint, at: clock.now)
    }
}

extension ControlAnswer.Rotation {
    /// Says how a renewal went that was ordered.
    init(_ standing: CertificateRenewal.Standing, key: KeyFingerprint, at now: Date) {
        let isDone = standing.machine.phase == .idle && standing.machine.halt == nil && standing.error == nil
        let halted = standing.machine.halt.map { CommandFailure($0, standing) }
        self.init(
            certificate: ConnectorStatus.Certificate(standing, at: now), key: key.description,
            failure: isDone ? nil : halted?.message ?? standing.error?.message ?? "it is still under way",
            advice: isDone ? nil : halted?.advice ?? standing.error?.advice,
            reason: isDone ? nil : halted?.reason ?? standing.error?.reason,
            exitCode: isDone
                ? nil : (halted ?? standing.error.map(CommandFailure.init))?.code.rawValue)
    }
}
