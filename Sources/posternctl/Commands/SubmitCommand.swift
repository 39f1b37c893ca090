internal import ArgumentParser
internal import DispatcherProtocol
internal import Foundation
internal import RelayFormat

/// `posternctl submit`.
struct SubmitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit",
        abstract: "Hands a request over to the tenant, which keeps it on disk until it has ended.",
        discussion: """
            Returns as soon as the request is on disk; it then comes to an end whatever process is killed. With --wait
            its result is waited for and printed. 'posternctl why ID' tells how it stands at any time. A submission
            under the same --idempotency-key is the same submission. --deadline is an hour where nothing is said, and a
            day at most.
            """)

    @OptionGroup var request: ServiceRequestOptions
    @Option(help: "For how long it waits for a connector, as 30m or 2h, 0 for not at all; until its deadline else.")
    var parkUntil: String?
    @Option(help: "The webhook that is told the result ('posternctl webhooks').") var webhook: String?
    @Option(help: "Your own name for the request.") var idempotencyKey: String?
    @Option(help: "Wait for the result, as 30s or 5m.") var wait: String?
    @Flag(name: .shortAndLong, help: "Print the request's id alone, for scripts.") var quiet = false
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await report {
            let submission = try submission()
            let wait = try self.wait.map { try Self.seconds($0, "--wait") }
            let report = try await TenantAPI(request.login()).closing { api in
                let report = try await api.submit(submission, to: request.group)
                guard let wait, report.endedAt == nil else { return report }
                return try await self.result(of: report, within: wait, from: api)
            }
            if quiet { return print(report.requestID) }
            try output.print(report, as: Self.table(report))
            if output.output == .table, let body = report.body, !body.isEmpty { print("\n" + body) }
            guard let failure = report.failure else { return }
            throw CommandFailure(.callFailed, "\(failure.code): \(failure.detail) (request \(report.requestID))")
        }
    }

    /// Asks again and again, for as long as it may take.
    private func result(
        of submitted: SubmissionReport, within seconds: Double, from api: TenantAPI
    ) async throws -> SubmissionReport {
        let end = ContinuousClock.now + .seconds(seconds)
        var report = submitted
        while report.endedAt == nil, ContinuousClock.now < end {
            let left = (end - .now) / .seconds(1)
            report = try await api.submission(
                submitted.requestID, of: request.group, wait: max(1, min(30, Int(left.rounded(.up)))))
        }
        return report
    }

    private func submission() throws -> SubmissionRequest {
        let call = try request.call()
        let text = String(validating: call.body, as: UTF8.self)
        return SubmissionRequest(
            CallRequest(
                service: call.service, method: call.method, path: call.path,
                headers: Dictionary(call.headers) { "\($0), \($1)" }, body: text,
                bodyBase64: text == nil ? Data(call.body).base64EncodedString() : nil,
                deadlineSeconds: try call.deadline.map { try Self.seconds($0, "--deadline") },
                requestClass: call.requestClass),
            parkUntilSeconds: try parkUntil.map { try Self.seconds($0, "--park-until") }, webhook: webhook,
            idempotencyKey: idempotencyKey)
    }

    private static func seconds(_ text: String, _ option: String) throws -> Double {
        guard let duration = Duration(text: text) else {
            throw CommandFailure(.usage, "\(option) is a time, as in 500ms, 30s, 5m or 2h")
        }
        return duration / .seconds(1)
    }

    private static func table(_ report: SubmissionReport) -> TextTable {
        var facts = [
            ("request", report.requestID), ("state", report.state), ("group", report.group),
            ("service", report.service), ("submitted", report.submittedAt.text), ("deadline", report.deadline.text),
        ]
        if let end = report.endedAt { facts.append(("ended", end.text)) }
        if let connector = report.connector { facts.append(("answered by", connector)) }
        if let status = report.status { facts.append(("status", "\(status)")) }
        return TextTable(facts: facts)
    }
}
