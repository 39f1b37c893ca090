public import Foundation

/// The renewal of one machine's certificate after the other, as the machine sees it: a value that says what to do next.
///
/// What is on the disk decides where it goes on after a kill: a key that is pending, an answer that is kept, an answer
/// that is confirmed. A second key is never made while one is pending: for the tenant that would be a clone.
public struct RenewalMachine: Sendable, Equatable {
    /// How far the renewal is.
    public enum Phase: String, Sendable, Equatable, CaseIterable {
        /// No key is pending; to pending.
        case idle
        /// A new key is on the disk, and the tenant may know it; to answered.
        case pending
        /// The new certificate is on the disk; to used, to confirmed when it has ended meanwhile, or back to pending.
        case answered
        /// The tenant has seen the new certificate; to confirmed.
        case used
        /// It is on the disk that the new certificate counts; to idle.
        case confirmed
    }

    /// By what the machine proves itself when it asks.
    public enum Proof: String, Sendable, Equatable {
        /// Its present certificate.
        case certificate
        /// An assertion of its present key, once the certificate has ended.
        case assertion
    }

    /// What is to be done next.
    public enum Step: Sendable, Equatable {
        /// Nothing before the given time; nil when nothing will ever help.
        case wait(until: Date?)
        /// Make the new key and flush it; then `keyMade`.
        case makeKey
        /// Ask the tenant to certify the pending key, and keep the answer; then `answered` or `failed`.
        case ask(Proof)
        /// Use the new certificate for the first time; then `used` or `failed`.
        case use
        /// Write down that the new certificate counts; then `confirmed`.
        case confirm
        /// Put the new key and certificate in the place of the old ones; then `promoted`.
        case promote
        /// Forget the new certificate, keep its key; then `discarded`.
        case discard
    }

    /// Why a step did not succeed.
    public enum Failure: String, Sendable, Equatable, CaseIterable {
        /// There was no answer, or one that may be another next time.
        case unreachable
        /// The tenant does not know the certificate.
        case unknown
        /// The certificate has ended.
        case ended
        /// The certificate has been superseded by one that is not here.
        case superseded
        /// The tenant has frozen the connector.
        case frozen
        /// The tenant has revoked the connector.
        case revoked
        /// The tenant refused, or answered what cannot be taken.
        case refused
    }

    /// Why no further step can help.
    public enum Halt: String, Sendable, Equatable {
        /// Another holder of this identity has gone on with it.
        case superseded
        /// The tenant has revoked the connector.
        case revoked
        /// The certificate ended longer ago than it can be recovered.
        case tooLate = "too-late"
    }

    /// The times of a certificate.
    public struct Terms: Sendable, Equatable {
        /// When to renew it.
        public var renewAt: Date
        /// When it ends.
        public var notAfter: Date
        /// For how long after that it can still be renewed.
        public var recovery: TimeInterval

        /// Joins the times.
        public init(renewAt: Date, notAfter: Date, recovery: TimeInterval = RenewalMachine.recovery) {
            self.renewAt = renewAt
            self.notAfter = notAfter
            self.recovery = recovery
        }

        /// Until when it can be renewed.
        public var recoveryEnds: Date { notAfter.addingTimeInterval(recovery) }
    }

    /// For how long after its end a certificate can still be renewed, where the tenant does not say.
    public static let recovery: TimeInterval = 30 * 86_400
    /// The longest time between two attempts.
    public static let longestPause: TimeInterval = 900
    /// The time between two attempts of a connector that is frozen.
    public static let frozenPause: TimeInterval = 120

    /// How far it is.
    public private(set) var phase: Phase
    /// The certificate in use.
    public private(set) var present: Terms
    /// The new certificate, where there is one.
    public private(set) var renewed: Terms?
    /// Why the last attempt failed; nil after a success.
    public private(set) var failure: Failure?
    /// How often it failed in a row.
    public private(set) var attempts = 0
    /// When to try again; nil when there was no failure.
    public private(set) var nextTry: Date?
    /// Why nothing will help; nil while something may.
    public private(set) var halt: Halt?
    private var isUrged = false
    /// Whether the tenant said that the present certificate has ended, whatever the clock here says.
    private var isToldEnded = false
    private var isRenewedEnded = false
    private var mustDiscard = false

    /// Begins where the disk says.
    public init(present: Terms, phase: Phase = .idle, renewed: Terms? = nil) {
        self.present = present
        self.phase = phase
        self.renewed = renewed
    }

    /// Until when the present certificate can be recovered.
    public var recoveryEnds: Date { present.recoveryEnds }

    /// Whether little of the certificate's life is left: less than a third of what remained when it was to be renewed.
    public func isUrgent(at now: Date) -> Bool {
        present.notAfter.timeIntervalSince(now) < max(0, present.notAfter.timeIntervalSince(present.renewAt)) / 3
    }

    /// Whether the present certificate has ended, by the time here or by the tenant's word.
    public func hasEnded(at now: Date) -> Bool { isToldEnded || now >= present.notAfter }

    /// What to do at a moment.
    public func step(at now: Date) -> Step {
        if halt != nil { return .wait(until: nil) }
        if phase == .used { return .confirm }
        if phase == .confirmed { return .promote }
        if mustDiscard { return .discard }
        if let nextTry, now < nextTry, !isUrged { return .wait(until: nextTry) }
        switch phase {
        case .idle:
            return isUrged || isToldEnded || now >= present.renewAt ? .makeKey : .wait(until: present.renewAt)
        case .pending:
            return .ask(hasEnded(at: now) ? .assertion : .certificate)
        case .answered:
            // One that ended before it was ever used proves itself by the assertion with which it is renewed.
            return isRenewedEnded || now >= renewed?.notAfter ?? .distantPast ? .confirm : .use
        case .used, .confirmed:
            preconditionFailure("answered above")
        }
    }

    /// Makes the next attempt due now, whatever the time.
    public mutating func urge() { isUrged = true }

    /// The tenant has said elsewhere that the present certificate has ended.
    public mutating func noteEnd() {
        guard !isToldEnded else { return }
        isToldEnded = true
        nextTry = nil
    }

    /// The new key is on the disk.
    public mutating func keyMade() {
        if phase == .idle { phase = .pending }
    }

    /// The new certificate is on the disk.
    public mutating func answered(_ terms: Terms) {
        guard phase == .pending else { return }
        phase = .answered
        renewed = terms
        succeed()
    }

    /// The tenant has seen the new certificate.
    public mutating func used() {
        guard phase == .answered else { return }
        phase = .used
        succeed()
    }

    /// It is on the disk that the new certificate counts.
    public mutating func confirmed() {
        if phase == .used || phase == .answered { phase = .confirmed }
    }

    /// The new certificate stands in the place of the old one.
    public mutating func promoted() {
        guard phase == .confirmed, let renewed else { return }
        present = renewed
        isToldEnded = isRenewedEnded
        (self.renewed, isRenewedEnded, isUrged, phase) = (nil, false, false, .idle)
        succeed()
    }

    /// The new certificate is forgotten, its key still pending.
    public mutating func discarded() {
        guard phase == .answered else { return }
        (phase, renewed, mustDiscard) = (.pending, nil, false)
    }

    /// A step failed.
    ///
    /// - Parameter jitter: between 0 and 1.
    public mutating func failed(_ failure: Failure, at now: Date, jitter: Double) {
        self.failure = failure
        isUrged = false
        switch (failure, phase) {
        case (.revoked, _): halt = .revoked
        case (.superseded, _): halt = .superseded
        case (.unknown, .answered): mustDiscard = true
        case (.ended, .answered): isRenewedEnded = true
        case (.ended, .pending) where !hasEnded(at: now): isToldEnded = true
        case (.unreachable, _): pause(at: now, jitter: jitter)
        case (.frozen, _):
            attempts += 1
            nextTry = now.addingTimeInterval(Self.frozenPause * (1 + min(1, max(0, jitter))))
        default:
            if now >= recoveryEnds { halt = .tooLate } else { pause(at: now, jitter: jitter) }
        }
    }

    /// Doubles from a second to a tenth of what is left, and to 15 minutes at most.
    private mutating func pause(at now: Date, jitter: Double) {
        attempts += 1
        let left = (now < present.notAfter ? present.notAfter : recoveryEnds).timeIntervalSince(now)
        let limit = min(pow(2, Double(min(attempts, 10))), max(1, left / 10), Self.longestPause)
        nextTry = now.addingTimeInterval(limit * (1 + min(1, max(0, jitter))) / 2)
    }

    private mutating func succeed() {
        (failure, nextTry, attempts) = (nil, nil, 0)
    }
}
