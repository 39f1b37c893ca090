internal import BrokerCore
internal import Connector
internal import EnrollmentClient
internal import EnrollmentProtocol
internal import Foundation
internal import IdentityStore
internal import Logging
internal import MachineIdentity
internal import RelayFormat

extension CertificateRenewal {
    /// Where the system keeps its machine id (machine-id(5)).
    private static let machineIDFile = "/etc/machine-id"

    /// Makes the renewal of a connector on this machine.
    init(
        connection: TenantConnection, store: FolderIdentityStore, clock: TenantClock, logger: Logger
    ) throws(IdentityStoreError) {
        let machineID = (try? String(contentsOfFile: Self.machineIDFile, encoding: .utf8)) ?? ""
        try self.init(
            connection: connection, store: store,
            mark: MachineMark.make(machineID: machineID, connector: connection.identity.record.connectorID),
            version: PosternVersion.text, now: { clock.now },
            onTenantTime: { told, asked in clock.learn(told, asked: asked) }, logger: logger)
    }

    /// Goes on where a kill has stopped it, until there is a certificate that can be worked with.
    ///
    /// - Throws: `CommandFailure` when there will never be one.
    func settle(_ waiting: WaitingRoom? = nil) async throws {
        while true {
            let next = await advance()
            let standing = standing
            if let halt = standing.machine.halt { throw CommandFailure(halt, standing) }
            let now = now()
            if let error = standing.error { waiting?.note(error) }
            guard standing.machine.phase == .answered || standing.machine.hasEnded(at: now) else { return }
            try await Task.sleep(for: .seconds(min(60, max(0.1, next?.timeIntervalSince(now) ?? 60))))
        }
    }
}

extension TenantClock {
    /// Learns the time that the tenant told in an answer that just came.
    func learn(_ told: Date, asked: ContinuousClock.Instant) {
        let milliseconds = UInt64(max(0, told.timeIntervalSince1970 * 1000))
        learn(tenantTime: RelayTime(milliseconds: milliseconds), asked: asked, answered: .now)
    }

    /// The tenant's present as a date.
    var now: Date { Date(timeIntervalSince1970: Double(clock.now.milliseconds) / 1000) }
}

extension ConnectorStatus.Certificate {
    /// Says how a renewal stands.
    init(_ standing: CertificateRenewal.Standing, at now: Date) {
        let (record, machine) = (standing.record, standing.machine)
        self.init(
            generation: record.generation, notAfter: RFC3339.text(of: record.notAfter),
            renewAt: RFC3339.text(of: record.renewAt),
            recoveryEnds: RFC3339.text(of: record.recoveryEnds),
            hasEnded: machine.hasEnded(at: now),
            lastRenewal: standing.last.map { Renewal(at: RFC3339.text(of: $0.at), outcome: $0.outcome.rawValue) },
            trouble: machine.failure == nil ? nil : standing.error?.message,
            nextTry: machine.nextTry.map(RFC3339.text))
    }
}

extension CommandFailure {
    /// Why the certificate will never be renewed.
    init(_ halt: RenewalMachine.Halt, _ standing: CertificateRenewal.Standing) {
        let end = RFC3339.text(of: standing.record.notAfter)
        switch halt {
        case .superseded:
            self.init(
                .identityInUse,
                "another holder of this identity has renewed it; the one in this folder counts no more",
                advice:
                    "Look where a copy of this state folder is in use, and stop one of them. Where this folder is an"
                    + " old backup: postern register --replace, with a new invitation.", reason: "superseded")
        case .revoked:
            self.init(
                .rejected, "the tenant has revoked this connector (\(standing.error?.message ?? ""))",
                advice: "Ask the administrator. To come back: postern register --replace, with a new invitation.",
                reason: "revoked")
        case .tooLate:
            self.init(
                .rejected,
                "the certificate ended at \(end), too long ago to be recovered (\(standing.error?.message ?? ""))",
                advice: "Ask the administrator for a new invitation, then: postern register --replace.",
                reason: "recovery-over")
        }
    }
}
