public import BrokerCore
public import Crypto
public import Logging
public import RelayFormat
public import RelaySealing

/// Keeps a keyring's epochs fresh: asks at the start, as time passes, and whenever a newer epoch is met.
public actor EpochKeeper {
    /// The times of a keeper.
    public struct Timing: Sendable {
        /// The time between two questions when nothing is heard of a change.
        public var refresh: Duration
        /// The shortest time between two questions about one group; it doubles with each that brings nothing.
        public var pause: Duration
        /// The longest such time, while nothing is held.
        public var longestPause: Duration
        /// For how long before the end of an epoch its successor is missed.
        public var warning: Duration

        /// Makes a timing.
        public init(
            refresh: Duration = .seconds(600), pause: Duration = .milliseconds(100),
            longestPause: Duration = .seconds(5), warning: Duration = .seconds(21_600)
        ) {
            self.refresh = refresh
            self.pause = pause
            self.longestPause = longestPause
            self.warning = warning
        }
    }

    private struct Record {
        /// When the next question may be asked.
        var next = ContinuousClock.now
        var pause: Duration
        var failure: String?
        var hasWarned = false
    }

    /// The keys that it keeps fresh.
    public nonisolated let keyring: Keyring
    private let source: any EpochSource
    private let clock: RelayClock
    private let timing: Timing
    private let logger: Logger
    /// What is being asked; each question is owned by the keeper and ends with its answer.
    private var questions: [GroupID: Task<Void, Never>] = [:]
    /// What the last questions brought, by group.
    private var records: [GroupID: Record] = [:]
    /// The groups of which an epoch is looked for that names the member's new key.
    private var sought: Set<GroupID> = []

    /// Makes a keeper that has asked nothing yet.
    public init(
        keyring: Keyring, source: any EpochSource, clock: RelayClock, timing: Timing = Timing(), logger: Logger
    ) {
        self.keyring = keyring
        self.source = source
        self.clock = clock
        self.timing = timing
        self.logger = logger
    }

    /// Asks for the epochs of groups from time to time, until the task is cancelled.
    public func keep(_ groups: @Sendable () -> [GroupID]) async {
        while !Task.isCancelled {
            for group in groups() { await ask(about: group) }
            let isMissing = groups().contains { keyring.standing(of: $0, at: clock.now) == nil }
            let end = ContinuousClock.now + (isMissing ? .seconds(1) : timing.refresh)
            while !Task.isCancelled, .now < end {
                try? await Task.sleep(until: min(end, .now + .seconds(30)), clock: .continuous)
                keyring.tidy(at: clock.now)
            }
        }
    }

    /// Waits until an epoch of a group is held that is at least that new.
    ///
    /// - Returns: false when it was not to be had within the time.
    public func wait(for group: GroupID, epoch: UInt32, within limit: Duration) async -> Bool {
        let end = ContinuousClock.now + limit
        while !holds(group, epoch) {
            guard ContinuousClock.now < end, !Task.isCancelled else { return false }
            await ask(about: group)
            if holds(group, epoch) { return true }
            try? await Task.sleep(for: timing.pause)
        }
        return true
    }

    /// Asks for the epochs of those groups that know this member by another key than its present one.
    ///
    /// To be called from time to time after a renewal: an old key that a token held is gone, and what the member says to
    /// a group cannot be signed until its new key is named.
    public func seek(_ identity: P256.Signing.PublicKey) async {
        let behind = Set(keyring.groups(notNaming: identity))
        // What was asked before the renewal does not hold the first question up.
        for group in behind.subtracting(sought) {
            records[group]?.pause = timing.pause
            records[group]?.next = .now
        }
        sought = behind
        for group in behind { await ask(about: group) }
    }

    /// What is wrong with a group's epoch: why it could not be had the last time, or that its successor is missing.
    public func trouble(of group: GroupID) -> String? {
        if let failure = records[group]?.failure { return failure }
        guard let standing = keyring.standing(of: group, at: clock.now), isEnding(standing) else { return nil }
        return "it has no successor yet: the tenant's Key Authority may not be running"
    }

    private func isEnding(_ standing: Keyring.Standing) -> Bool { standing.notAfter - clock.now < timing.warning }

    private func holds(_ group: GroupID, _ epoch: UInt32) -> Bool {
        keyring.standing(of: group, at: clock.now).map { $0.mark.number >= epoch } ?? false
    }

    /// Asks for a group's epoch, unless that was done a moment ago; whoever comes meanwhile waits for the same answer.
    private func ask(about group: GroupID) async {
        if let running = questions[group] { return await running.value }
        var record = records[group] ?? Record(pause: timing.pause)
        guard ContinuousClock.now >= record.next else { return }
        let before = keyring.standing(of: group, at: clock.now)?.mark
        // Owned by the keeper, which waits for it just below; others wait for the same one.
        let question = Task { await self.fetch(group) }
        questions[group] = question
        await question.value
        questions[group] = nil
        let isNews = keyring.standing(of: group, at: clock.now)?.mark != before
        record = records[group] ?? record
        // Whoever makes epochs up has each asked for once, and then more and more seldom.
        record.pause = isNews ? timing.pause : min(record.pause * 2, timing.longestPause)
        record.next = .now + record.pause
        records[group] = record
    }

    private func fetch(_ group: GroupID) async {
        do {
            let known = keyring.standing(of: group, at: clock.now)?.mark.hash
            guard let manifest = try await source.manifest(of: group, unless: known) else { return noted(nil, group) }
            try await install(manifest)
            noted(nil, group)
        } catch {
            noted("\(error)", group, isJoining: (error as? SealingError)?.code == .notAMember)
        }
    }

    /// Takes a manifest into use, and with it another authority's key if its succession has been proven.
    ///
    /// - Throws: why it is refused, or what the source throws.
    public func install(_ manifest: EpochManifest) async throws {
        let core = manifest.core
        guard let entry = core.member(keyring.party.member), let keys = try await source.keys(for: entry) else {
            throw SealingError(.notAMember, "the epoch names none of this member's keys")
        }
        guard try await install(manifest, with: keys) else { return }
        logger.info(
            "Key epoch is in use",
            metadata: [
                "group": "\(core.group)", "epoch": "\(core.number)", "members": "\(core.members.count)",
            ])
        await source.installed(core, in: keyring)
    }

    /// Installs a manifest; one that the known authority has not signed is held against its successor.
    private func install(_ manifest: EpochManifest, with keys: MemberKeys) async throws -> Bool {
        do throws(SealingError) {
            return try keyring.install(manifest, with: keys, at: clock.now)
        } catch {
            guard error.code == .keyAuthority else { throw error }
        }
        keyring.adopt(authority: try await source.authority())
        return try keyring.install(manifest, with: keys, at: clock.now)
    }

    private func noted(_ failure: String?, _ group: GroupID, isJoining: Bool = false) {
        var record = records[group] ?? Record(pause: timing.pause)
        switch (record.failure, failure) {
        case (nil, .some(let reason)):
            // Whoever has just joined, or has new keys, is in the next epoch, a moment later.
            logger.log(
                level: isJoining ? .info : .warning, "Key epoch cannot be fetched",
                metadata: ["group": "\(group)", "reason": "\(reason)"])
        case (.some, nil): logger.info("Key epoch can be fetched", metadata: ["group": "\(group)"])
        default: break
        }
        record.failure = failure
        let standing = keyring.standing(of: group, at: clock.now)
        let isEnding = standing.map(isEnding) ?? false
        if isEnding, !record.hasWarned, let standing {
            logger.warning(
                "Key epoch ends soon, and its successor is missing",
                metadata: ["group": "\(group)", "ends": "\(standing.notAfter)"])
        }
        record.hasWarned = isEnding
        records[group] = record
    }
}
