public import EnrollmentProtocol
internal import Failpoints
internal import HTTPProblems
public import Foundation
public import IdentityStore
public import Logging
internal import MachineIdentity
internal import NIOPosix

/// Renews the certificate of a registered machine, again and again, and goes on wherever a kill has stopped it.
///
/// `RenewalMachine` decides; this carries its steps out, one at a time, whoever asks for them. Only the holder of the
/// state folder's lock may have one.
public actor CertificateRenewal {
    /// How the renewal stands.
    public struct Standing: Sendable {
        /// The identity in use.
        public var record: StoredIdentity
        /// What was done and what is next.
        public var machine: RenewalMachine
        /// Why the last attempt failed; nil after a success.
        public var error: EnrollmentClientError?
        /// The last renewals.
        public var last: RenewalHistory.Entry?
    }

    /// What is done around the first use of a new certificate, so that nothing is under way with the old one.
    public typealias Swap =
        @Sendable (_ body: @Sendable () async throws(EnrollmentClientError) -> Void)
        async throws(EnrollmentClientError) -> Void

    private static let mostSteps = 32

    private let connection: TenantConnection
    private let store: FolderIdentityStore
    private let mark: String?
    private let version: String
    /// The tenant's time, as well as it is known.
    public nonisolated let now: @Sendable () -> Date
    private let onTenantTime: @Sendable (_ told: Date, _ asked: ContinuousClock.Instant) -> Void
    private let logger: Logger
    private var swap: Swap = { body async throws(EnrollmentClientError) in try await body() }
    private var machine: RenewalMachine
    private var error: EnrollmentClientError?
    private var last: RenewalHistory.Entry?
    private var begunByAssertion = false
    private var isBusy = false
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var onChange: @Sendable (Standing) -> Void = { _ in }

    /// Begins where the state folder says.
    ///
    /// - Parameters:
    ///   - mark: what stands for this computer, as `MachineMark` makes it.
    ///   - now: the tenant's time, as well as it is known.
    ///   - onTenantTime: learns what time the tenant told in an answer that just came, and when it was asked.
    public init(
        connection: TenantConnection, store: FolderIdentityStore, mark: String?, version: String,
        now: @escaping @Sendable () -> Date,
        onTenantTime: @escaping @Sendable (_ told: Date, _ asked: ContinuousClock.Instant) -> Void = { _, _ in },
        logger: Logger
    ) throws(IdentityStoreError) {
        self.connection = connection
        self.store = store
        self.mark = mark
        self.version = version
        self.now = now
        self.onTenantTime = onTenantTime
        self.logger = logger
        try store.tidyRenewal()
        let pending = try store.pendingRenewal()
        let phase: RenewalMachine.Phase =
            switch (pending, pending?.renewed) {
            case (nil, _): .idle
            case (_, nil): .pending
            case (let pending?, _): pending.isConfirmed ? .confirmed : .answered
            }
        machine = RenewalMachine(
            present: connection.identity.record.terms, phase: phase, renewed: pending?.renewed?.record.terms)
        if try store.isMakingRenewalKey { machine.urge() }
        last = try store.renewalHistory().entries.last
    }

    /// How it stands.
    public var standing: Standing {
        Standing(record: connection.identity.record, machine: machine, error: error, last: last)
    }

    /// Puts something around the first use of each new certificate.
    public func surround(_ swap: @escaping Swap) { self.swap = swap }

    /// Calls the closure after each step that changed something.
    public func onChange(_ observer: @escaping @Sendable (Standing) -> Void) { onChange = observer }

    /// Renews now, or tries to.
    ///
    /// - Returns: how it stands then; its phase is idle and its error nil when the new certificate is in use.
    @discardableResult
    public func rotate() async -> Standing {
        await advance(urging: true)
        return standing
    }

    /// The tenant said that the certificate has ended, whatever the clock here says.
    public func noteEnd() { machine.noteEnd() }

    /// Does all that can be done now.
    ///
    /// - Returns: when to come again; nil when nothing will ever help.
    @discardableResult
    public func advance(urging isUrged: Bool = false) async -> Date? {
        while isBusy { await withCheckedContinuation { waiting.append($0) } }
        isBusy = true
        defer {
            isBusy = false
            if !waiting.isEmpty { waiting.removeFirst().resume() }
        }
        if isUrged { machine.urge() }
        for _ in 0..<Self.mostSteps where !Task.isCancelled {
            let step = machine.step(at: now())
            if case .wait(let until) = step { return until }
            await carryOut(step)
            onChange(standing)
        }
        return now().addingTimeInterval(1)
    }

    private func carryOut(_ step: RenewalMachine.Step) async {
        do {
            switch step {
            case .wait: break
            case .makeKey:
                let key = try await onDisk { store throws(IdentityStoreError) in try store.beginRenewal() }
                logger.info("Renewal begins", metadata: ["key": "\(key.fingerprint)"])
                machine.keyMade()
            case .ask(let proof): try await ask(by: proof)
            case .use: try await use()
            case .confirm:
                try await onDisk { store throws(IdentityStoreError) in try store.confirmRenewal() }
                machine.confirmed()
            case .promote: try await promote()
            case .discard:
                try await onDisk { store throws(IdentityStoreError) in try store.discardRenewal() }
                logger.warning("The tenant does not know the new certificate; it is asked again with the old one")
                if let old = try await onDisk({ store throws(IdentityStoreError) in try store.load() }) {
                    try await connection.adopt(old)
                }
                machine.discarded()
            }
        } catch {
            await fail(error)
        }
    }

    private func ask(by proof: RenewalMachine.Proof) async throws {
        guard let pending = try await onDisk({ store throws(IdentityStoreError) in try store.pendingRenewal() }) else {
            preconditionFailure("a machine that asks has a pending key")
        }
        let identity = connection.identity
        let request: CertificateRequest
        do { request = try await CertificateRequest.make(key: pending.key) } catch {
            throw EnrollmentClientError(signing: error)
        }
        let answer: EnrollAnswer
        switch proof {
        case .certificate:
            let mark = mark
            answer = try await connection.call { http, identity async throws(EnrollmentClientError) in
                try await EnrollmentCalls.registered(over: http).renew(
                    request, generation: identity.record.generation, machine: mark)
            }
        case .assertion:
            begunByAssertion = true
            answer = try await connection.renewByAssertion(request, of: identity, machine: mark, localTime: now())
        }
        let renewed = try RenewedCertificate(answer: answer, identity: identity).verified(for: pending.key, at: now())
        try await onDisk { store throws(IdentityStoreError) in try store.keep(renewed) }
        machine.answered(renewed.record.terms)
    }

    private func use() async throws {
        let pending = try await onDisk { store throws(IdentityStoreError) in try store.pendingRenewal() }
        guard let renewed = pending?.renewed else { preconditionFailure("a machine that uses has an answer") }
        let connection = connection
        let version = version
        try await swap { () async throws(EnrollmentClientError) in
            try await connection.adopt(renewed)
            let asked = ContinuousClock.now
            let answer = try await connection.call { http, _ async throws(EnrollmentClientError) in
                try await EnrollmentCalls.registered(over: http).heartbeat(version: version)
            }
            onTenantTime(answer.serverTime, asked)
        }
        Failpoint.reach(.identityUseAfter)
        machine.used()
    }

    private func promote() async throws {
        let identity = try await onDisk { store throws(IdentityStoreError) in try store.promoteRenewal() }
        try await connection.adopt(identity)
        machine.promoted()
        error = nil
        let entry = RenewalHistory.Entry(
            at: now(), outcome: begunByAssertion ? .recovered : .renewed, identity: identity)
        begunByAssertion = false
        logger.notice(
            "Certificate renewed",
            metadata: [
                "generation": "\(identity.record.generation)",
                "not_after": "\(RFC3339.text(of: identity.record.notAfter))",
                "renew_at": "\(RFC3339.text(of: identity.record.renewAt))", "key": "\(identity.key.fingerprint)",
            ])
        await note(entry)
    }

    private func fail(_ thrown: any Error) async {
        let known = Self.known(thrown)
        let isFirst = error?.message != known.message
        error = known
        machine.failed(Self.failure(known), at: now(), jitter: .random(in: 0...1))
        // What goes on at once by another way is no failure yet.
        guard machine.nextTry != nil || machine.halt != nil else { return }
        let record = connection.identity.record
        logger.log(
            level: machine.halt != nil || machine.isUrgent(at: now()) ? .error : isFirst ? .warning : .info,
            "Certificate not renewed",
            metadata: [
                "reason": "\(known)", "attempts": "\(machine.attempts)",
                "not_after": "\(RFC3339.text(of: record.notAfter))",
                "recovery_ends": "\(RFC3339.text(of: machine.recoveryEnds))",
                "next_try": "\(machine.nextTry.map(RFC3339.text) ?? "never")",
            ])
        await note(
            RenewalHistory.Entry(at: now(), outcome: .failed, identity: connection.identity, reason: known.message))
    }

    private func note(_ entry: RenewalHistory.Entry) async {
        last = entry
        do {
            try await onDisk { store throws(IdentityStoreError) in try store.note(entry) }
        } catch {
            logger.warning("The history of renewals cannot be written", metadata: ["reason": "\(error)"])
        }
    }

    /// Touches the disk on a thread that may block.
    @discardableResult
    private func onDisk<Value: Sendable>(
        _ work: @escaping @Sendable (FolderIdentityStore) throws(IdentityStoreError) -> Value
    ) async throws -> Value {
        let store = store
        return try await NIOThreadPool.singleton.runIfActive { try work(store) }
    }

    private static func known(_ error: any Error) -> EnrollmentClientError {
        switch error {
        case let known as EnrollmentClientError: known
        case let holder as IdentityStoreError where holder.code == .keyHolder:
            EnrollmentClientError(holder)
        case let disk as IdentityStoreError:
            EnrollmentClientError(.unavailable, disk.message + ".", advice: disk.remedy)
        default: EnrollmentClientError(.unavailable, "\(error)", advice: "")
        }
    }

    private static func failure(_ error: EnrollmentClientError) -> RenewalMachine.Failure {
        switch error.code {
        case .frozen: return .frozen
        case .superseded: return .superseded
        case .certificateEnded: return .ended
        case .rejected:
            switch error.problem.flatMap({ EnrollmentProblem(rawValue: $0.code) }) {
            case .certificateRevoked: return .revoked
            case .invalidCredentials: return .unknown
            default: return .refused
            }
        case .unexpectedAnswer: return .refused
        default: return error.isRetryable || error.problem == nil ? .unreachable : .refused
        }
    }
}

extension StoredIdentity {
    /// The times of the certificate, as the renewal needs them.
    var terms: RenewalMachine.Terms {
        RenewalMachine.Terms(renewAt: renewAt, notAfter: notAfter, recovery: recovery)
    }
}
