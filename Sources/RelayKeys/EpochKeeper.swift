public import BrokerCore
internal import Crypto
public import Logging
public import RelayFormat
public import RelaySealing

/// Keeps a keyring's epochs fresh: asks at the start, as time passes, and whenever a newer epoch is met.
public actor EpochKeeper {
    /// The times of a keeper.
    public struct Timing: Sendable {
        /// The time between two questions when nothing is heard of a change.
        public var refresh: Duration
        /// The shortest time between two questions about one group.
        public var pause: Duration
        /// For how long before the end of an epoch its successor is missed.
        public var warning: Duration

        /// Makes a timing.
        public init(
            refresh: Duration = .seconds(60), pause: Duration = .milliseconds(100), warning: Duration = .seconds(21_600)
        ) {
            self.refresh = refresh
            self.pause = pause
            self.warning = warning
        }
    }

    /// The keys that it keeps fresh.
    public nonisolated let keyring: Keyring
    private let source: any EpochSource
    private let clock: RelayClock
    private let timing: Timing
    private let logger: Logger
    /// What is being asked; each question is owned by the keeper and ends with its answer.
    private var questions: [GroupID: Task<Void, Never>] = [:]
    private var asked: [GroupID: ContinuousClock.Instant] = [:]
    private var failures: [GroupID: String] = [:]

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
            try? await Task.sleep(for: isMissing ? .seconds(1) : timing.refresh)
            keyring.tidy(at: clock.now)
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

    /// Why a group's epoch could not be had the last time; nil when it could.
    public func failure(of group: GroupID) -> String? { failures[group] }

    private func holds(_ group: GroupID, _ epoch: UInt32) -> Bool {
        keyring.standing(of: group, at: clock.now).map { $0.mark.number >= epoch } ?? false
    }

    /// Asks for a group's epoch, unless that was done a moment ago; whoever comes meanwhile waits for the same answer.
    private func ask(about group: GroupID) async {
        if let running = questions[group] { return await running.value }
        if let last = asked[group], ContinuousClock.now - last < timing.pause { return }
        // Owned by the keeper, which waits for it just below; others wait for the same one.
        let question = Task { await self.fetch(group) }
        questions[group] = question
        await question.value
        questions[group] = nil
        asked[group] = .now
    }

    private func fetch(_ group: GroupID) async {
        do {
            let known = keyring.standing(of: group, at: clock.now)?.mark.hash
            guard let manifest = try await source.manifest(of: group, unless: known) else { return noted(nil, group) }
            try await install(manifest)
            noted(nil, group)
        } catch {
            noted("\(error)", group)
        }
    }

    /// Takes a manifest into use, and with it another authority's key if its succession has been proven.
    ///
    /// - Throws: why it is refused, or what the source throws.
    public func install(_ manifest: EpochManifest) async throws {
        let core = manifest.core
        if !manifest.isSigned(by: keyring.authority) { keyring.adopt(authority: try await source.authority()) }
        guard let entry = core.member(keyring.party.member), let keys = try await source.keys(for: entry) else {
            throw SealingError(.notAMember, "the epoch names none of this member's keys")
        }
        guard try keyring.install(manifest, with: keys, at: clock.now) else { return }
        logger.info(
            "Key epoch is in use",
            metadata: [
                "group": "\(core.group)", "epoch": "\(core.number)", "members": "\(core.members.count)",
            ])
        await source.installed(core, openedWith: keyring.keysInUse)
    }

    private func noted(_ failure: String?, _ group: GroupID) {
        let was = failures[group]
        failures[group] = failure
        let standing = keyring.standing(of: group, at: clock.now)
        switch (was, failure) {
        case (nil, .some(let reason)):
            logger.warning("Key epoch cannot be fetched", metadata: ["group": "\(group)", "reason": "\(reason)"])
        case (.some, nil): logger.notice("Key epoch can be fetched again", metadata: ["group": "\(group)"])
        default: break
        }
        if failure != nil, let standing, standing.notAfter - clock.now < timing.warning {
            logger.warning(
                "Key epoch ends soon, and its successor is missing",
                metadata: ["group": "\(group)", "ends": "\(standing.notAfter)"])
        }
    }
}

extension EpochManifest {
    fileprivate func isSigned(by authority: P256.Signing.PublicKey?) -> Bool {
        authority.map { (try? verify(by: $0)) != nil } ?? false
    }
}
