internal import AuditLog
internal import AuditStore
internal import EnrollmentProtocol
internal import Foundation
internal import HTTPTypes
internal import HTTPProblems
internal import Hummingbird
internal import Logging
internal import MachineIdentity
internal import RequestLimits
internal import Synchronization
internal import TenantPort

/// What every request of the API passes on its way in and out: the limits, and the audit log.
///
/// An act is on disk before it is done, as an intent, and how it ended before its answer leaves. Where the log cannot be
/// written nothing is done: 503 `not-ready`. An intent without an end is put on record as interrupted.
struct ServiceDoor: Sendable {
    let audit: AuditTrail
    let limits: PortLimits
    /// The log of whatever belongs to no tenant.
    let log: String
    let logger: Logger

    /// Refusals that are on record even where nothing would have been changed.
    private static let notable: Set<EnrollmentProblem> = [
        .invalidCredentials, .certificateRequired, .certificateExpired, .certificateRevoked, .notPermitted,
        .cloneSuspected, .connectorFrozen, .enrollmentConsumed, .enrollmentExpired, .keyReuse, .staleGeneration,
        .proofOfPossessionFailed, .nonceExpired, .rateLimited,
    ]

    /// Lets a call through to its handler.
    func pass(_ call: Call, by handler: (Call) async throws -> Response) async throws -> Response {
        guard let record = call.record else { return try await handler(call) }
        do {
            try limits.admit(
                from: call.source, for: record.route.limit, credential: call.credentialDigest, at: call.milliseconds)
            let response = try await handler(call)
            try await end(record, call, response)
            // Some routes answer a refusal in a form of their own.
            if response.status == .unauthorized || response.status == .forbidden { note(response, record, call) }
            return response
        } catch {
            note(error, record, call)
            throw error
        }
    }

    /// Whether somebody who is known may make one more request.
    func admit(_ actor: AuditEvent.Actor, _ call: Call) throws {
        guard let record = call.record else { return }
        try limits.admit(
            "\(actor.kind) \(actor.id)", for: record.route.limit, credential: call.credentialDigest,
            at: call.milliseconds)
    }

    /// Puts on disk that an act begins.
    func begin(_ record: CallRecord, _ call: Call) async throws {
        guard record.route.action != nil else { return }
        let intent: AuditFile.Intent
        do {
            intent = try await audit.file.begin(record.event(of: call, .interrupted), in: record.log)
        } catch {
            throw unwritable(error)
        }
        record.state.withLock { $0.intent = intent }
    }

    private func end(_ record: CallRecord, _ call: Call, _ response: Response) async throws {
        guard record.route.action != nil else { return }
        let outcome: AuditEvent.Outcome = response.status.code < 400 ? .done : .refused
        let event = record.event(
            of: call, outcome, location: response.headers[.location].flatMap { $0.hasPrefix("/v1/") ? $0 : nil },
            ["status": "\(response.status.code)", "request": call.context.requestID])
        do {
            if let intent = record.takeIntent() {
                try await audit.file.end(intent, as: event)
            } else {
                try await audit.record([event], in: record.log)
            }
        } catch {
            throw unwritable(error)
        }
    }

    private func note(_ response: Response, _ record: CallRecord, _ call: Call) {
        if response.status == .unauthorized { countFailure(nil, record, call) }
        guard record.route.action == nil else { return }
        let status = "\(response.status.code)"
        let event = record.event(of: call, .refused, ["status": status, "request": call.context.requestID])
        audit.note(
            event, in: record.log,
            alike: "\(event.source) \(event.actor.kind) \(event.actor.id) \(event.action) \(status)")
    }

    /// Notes a refusal, the same ones of a minute as one row and a count; the sender does not wait for it.
    private func note(_ error: any Error, _ record: CallRecord, _ call: Call) {
        let refusal = error as? Refusal
        if let refusal { count(refusal, record, call) }
        if let alarm = refusal?.alarm { raise(alarm, refusal, call) }
        if let tenant = refusal?.tenant { record.state.withLock { $0.tenant = $0.tenant ?? tenant } }
        let intent = record.takeIntent()
        if let intent { audit.abandon(intent) }
        guard intent != nil || refusal.map({ Self.notable.contains($0.problem) }) == true else { return }
        let problem: String
        var outcome = AuditEvent.Outcome.refused
        switch error {
        case let refusal as Refusal: problem = refusal.problem.rawValue
        case let error as MachineIdentityError: problem = error.code.description
        case let error as ProblemResponse: problem = error.problem.code
        case let error as any HTTPResponseError: problem = "\(error.status.code)"
        default:
            problem = EnrollmentProblem.internalError.rawValue
            outcome = .failed
        }
        let event = record.event(of: call, outcome, ["problem": problem, "request": call.context.requestID])
        audit.note(
            event, in: record.log,
            alike: "\(event.source) \(event.actor.kind) \(event.actor.id) \(event.action) \(problem)")
    }

    /// Counts what was not accepted as a credential.
    private func count(_ refusal: Refusal, _ record: CallRecord, _ call: Call) {
        guard refusal.problem == .invalidCredentials else { return }
        let shown = call.credentialDigest
        guard shown != nil || record.route.limit == .member || record.route.limit == .token else { return }
        countFailure(refusal, record, call)
    }

    private func countFailure(_ refusal: Refusal?, _ record: CallRecord, _ call: Call) {
        let account = refusal?.account ?? record.state.withLock { $0.account }
        for alarm in limits.fail(
            from: call.source, account: account, credential: call.credentialDigest, at: call.milliseconds)
        { raise(alarm, refusal, call) }
    }

    private func raise(_ alarm: RequestLimiter.Alarm, _ refusal: Refusal?, _ call: Call) {
        logger.error(
            "Credentials fail again and again",
            metadata: ["about": "\(alarm.about)", "client": "\(call.context.clientAddress)"])
        audit.recordSoon(
            AuditEvent(
                milliseconds: call.milliseconds, actor: .unknown, source: call.context.clientAddress,
                action: "credentials.alarm", subject: alarm.about, outcome: .refused),
            in: refusal?.tenant?.id ?? log)
    }

    private func unwritable(_ error: any Error) -> Refusal {
        logger.error("Audit log cannot be written; nothing is changed", metadata: ["reason": "\(error)"])
        return Refusal(.notReady, "The audit log cannot be written, and nothing is changed without it.")
    }
}

extension CallRecord {
    fileprivate func takeIntent() -> AuditFile.Intent? {
        state.withLock { state in
            defer { state.intent = nil }
            return state.intent
        }
    }
}

extension Call {
    /// The address from which it comes; empty within one process.
    var source: String { context.clientAddress == "-" ? "" : context.clientAddress }

    var milliseconds: UInt64 { UInt64(max(0, now.timeIntervalSince1970 * 1000)) }

    /// Stands for the credential that the request shows, in memory only.
    var credentialDigest: String? {
        request.headers[.authorization].map { AuditHash.leaf(Array($0.utf8)).description }
    }
}
