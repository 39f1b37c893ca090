internal import BrokerCore
internal import Connector
internal import Diagnostics
internal import EnrollmentClient
internal import Foundation
internal import Logging

/// Carries the checks of a diagnosis out, and keeps what one of them learns for the next.
///
/// It takes no lock, sends no heartbeat, and asks a running service through its control socket, so that nobody takes it
/// for the connector itself.
actor DoctorProbes {
    /// How long a check may take.
    static let limit = Duration.seconds(3)
    /// How long one step on the network may take, in seconds: short enough that a check still says which step it was.
    static let patience = 2

    let subject: DoctorSubject
    let logger: Logger
    var sighting: ServerSighting?
    var finding: ServerExamination.Finding?
    /// The tenant's clock, as far as it is known.
    var tenantTime: (said: Date, at: ContinuousClock.Instant)?
    /// The running service; nil if none answers.
    var service: ConnectorStatus?
    var runtime: ConnectorRuntime?

    init(_ subject: DoctorSubject, logger: Logger) {
        self.subject = subject
        self.logger = logger
    }

    /// Runs all checks, independent ones at the same time.
    func run() async -> DiagnosisReport {
        service = try? await ControlClient(path: subject.state.controlSocket).status()
        let report = await withTaskGroup(of: (DiagnosisCheck, DiagnosisFinding, Duration).self) { group in
            var diagnosis = Diagnosis(absent: Dictionary(subject.absent) { first, _ in first })
            while !diagnosis.isComplete {
                for check in diagnosis.ready() {
                    group.addTask {
                        let begun = ContinuousClock.now
                        return (check, await self.bounded(check), ContinuousClock.now - begun)
                    }
                }
                guard let (check, finding, took) = await group.next() else { break }
                diagnosis.conclude(check, finding, milliseconds: (took / .milliseconds(1)).rounded())
            }
            return diagnosis.report
        }
        await runtime?.close()
        return report
    }

    /// One check, within its time.
    private nonisolated func bounded(_ check: DiagnosisCheck) async -> DiagnosisFinding {
        let answer = Mailbox<DiagnosisFinding>()
        // Owned by this call, which waits no longer than the limit: a system call that hangs is left behind.
        let work = Task {
            answer.put(CollectionOfOne(await self.look(at: check)))
            answer.close()
        }
        // Owned by this call, which cancels it when the answer has come.
        let patience = Task {
            try await Task.sleep(for: Self.limit)
            answer.close()
        }
        let finding = await answer.take()?.first
        patience.cancel()
        work.cancel()
        return finding
            ?? .fail(
                "no answer within \(Self.limit.components.seconds) s",
                fix:
                    "Look whether a firewall drops the connection, or whether disk or resolver hang; then run it again."
            )
    }

    private func look(at check: DiagnosisCheck) async -> DiagnosisFinding {
        do {
            return switch check {
            case .configuration: configuration()
            case .keyFiles: try await keyFiles()
            case .keyStore: try await keyStore()
            case .clock: try await clock()
            case .dns: try await addresses()
            case .proxy: try await proxy()
            case .tcp: try await tcp()
            case .tls: try await tls()
            case .tenantAPI: try await tenantAPI()
            case .identity: try identity()
            case .authorization: try await authorization()
            case .queueCredential: try await queueCredential()
            case .roundTrip: try await roundTrip()
            case .policy: policy()
            case .targets: await targets()
            case .disk: try await disk()
            case .version: version()
            }
        } catch {
            let failure = CommandFailure(error)
            return .fail(failure.message, fix: failure.advice)
        }
    }
}
