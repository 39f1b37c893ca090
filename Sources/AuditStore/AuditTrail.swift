public import AuditLog
internal import GRDB
public import Logging
internal import Synchronization

/// Puts on record what a program does: acts surely, floods of refusals as one row and a count.
public final class AuditTrail: Sendable {
    private struct Kind: Hashable, Sendable {
        var log: String
        var alike: String
    }

    private struct State {
        var tally = RepetitionTally<Kind, AuditEvent>(length: 60_000, capacity: 1024)
        /// What came when the tally was full, one window a log.
        var crowd = RepetitionTally<String, AuditEvent>(length: 60_000, capacity: 256)
        var warnedOfSize: UInt64 = 0
        var echoes: [String: [String: AuditHead]] = [:]
    }

    /// After how long an act that has not ended counts as interrupted.
    private static let longestAct: UInt64 = 60_000
    /// From which size on the log is worth an archive.
    private static let largeFile = 4 << 30

    /// Where it is put.
    public let file: AuditFile
    let logger: Logger
    private let now: @Sendable () -> UInt64
    private let state = Mutex(State())

    /// Joins a file and a clock.
    ///
    /// - Parameter now: milliseconds since 1970.
    public init(file: AuditFile, logger: Logger, now: @escaping @Sendable () -> UInt64) {
        self.file = file
        self.logger = logger
        self.now = now
    }

    /// The present, in milliseconds since 1970.
    public var present: UInt64 { now() }

    /// Puts events on record; they are on disk when this returns.
    public func record(_ events: [AuditEvent], in log: String) async throws(AuditStoreError) {
        try await file.append(events, to: log)
    }

    /// Puts an event on record soon; that it could not be is only logged.
    public func recordSoon(_ event: AuditEvent, in log: String) {
        file.submit {
            try AuditFile.append([event], to: log, in: $0)
        } completion: { [logger] error in
            guard let error else { return }
            logger.error("Event not on record", metadata: ["action": "\(event.action)", "reason": "\(error)"])
        }
    }

    /// Forgets an act that was refused before it was done; returns at once.
    public func abandon(_ intent: AuditFile.Intent) {
        file.submit { database in
            try database.execute(sql: "DELETE FROM intents WHERE id = ?", arguments: [intent.id])
        } completion: { [logger] error in
            guard let error else { return }
            logger.error("Audit file cannot be written", metadata: ["reason": "\(error)"])
        }
    }

    /// Puts an event on record that may come in floods: the first at once, the others of a minute as one row with a
    /// count.
    ///
    /// - Parameter alike: what makes two events the same.
    public func note(_ event: AuditEvent, in log: String, alike: String) {
        let isRecorded = state.withLock { state in
            switch state.tally.take(Kind(log: log, alike: alike), event, at: event.milliseconds) {
            case .record: true
            case .counted: false
            case .crowded: state.crowd.take(log, event, at: event.milliseconds) == .record
            }
        }
        if isRecorded { recordSoon(event, in: log) }
    }

    /// Writes the counts of windows that have ended, and the acts that never did; once a minute is often enough.
    ///
    /// - Parameter isLast: whether the program ends and nothing may wait any longer.
    public func sweep(isLast: Bool = false) async {
        let now = now()
        let repeated = state.withLock { state in
            let kinds = state.tally.collect(at: now, all: isLast).map { ($0.key.log, $0.last, $0.count, false) }
            return kinds + state.crowd.collect(at: now, all: isLast).map { ($0.key, $0.last, $0.count, true) }
        }
        for (log, last, count, isMixed) in repeated {
            var event = last
            event.milliseconds = now
            event.detail["repeated"] = "\(count)"
            if isMixed { event.detail["repeated_of"] = "many kinds, of which this was the last" }
            recordSoon(event, in: log)
        }
        do {
            let count = try await file.recordInterrupted(begunBefore: now - min(now, Self.longestAct))
            if count > 0 { logger.warning("Acts were interrupted", metadata: ["count": "\(count)"]) }
        } catch {
            logger.error("Audit file cannot be written", metadata: ["reason": "\(error)"])
        }
        warnOfSize(at: now)
    }

    private func warnOfSize(at now: UInt64) {
        let bytes = file.bytes
        guard bytes > Self.largeFile else { return }
        let isDue = state.withLock { state in
            guard now >= state.warnedOfSize else { return false }
            state.warnedOfSize = now + 86_400_000
            return true
        }
        guard isDue else { return }
        logger.warning(
            "Audit file is large; 'audit archive' exports the oldest rows and keeps their hashes",
            metadata: ["file": "\(file.path)", "bytes": "\(bytes)"])
    }

    // MARK: Heads that come back

    private static let mostEchoes = 10_000

    /// Remembers which head of a log a peer has kept.
    func remember(_ head: AuditHead, keptBy peer: String, of log: String) {
        state.withLock { state in
            if state.echoes[log, default: [:]].count >= Self.mostEchoes { state.echoes[log] = [:] }
            state.echoes[log, default: [:]][peer] = head
        }
    }

    /// The heads of a log that peers have lately said to keep.
    public func echoes(of log: String) -> [String: AuditHead] { state.withLock { $0.echoes[log] ?? [:] } }
}
