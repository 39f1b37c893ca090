public import BrokerCore
public import Crypto
public import Logging
public import RelayFormat
public import RelayKeys
public import RelaySealing
internal import Synchronization

/// A Key Authority in memory, whose epochs change when a test says so.
public final class TestKeyAuthority: Sendable {
    private struct State {
        var members: [GroupID: [MemberID: EpochMember]] = [:]
        var manifests: [GroupID: EpochManifest] = [:]
        var dispatchers: [MemberID: EpochMember] = [:]
        /// What each dispatcher has on its disk.
        var dispatcherKeys: [MemberID: MemberKeys] = [:]
        var listeners: [@Sendable (EpochManifest) -> Void] = []
        var isReachable = true
    }

    /// The authority has been told not to answer.
    public struct Unreachable: Error {
        /// Makes the error.
        public init() {}
    }

    /// The tenant.
    public let tenant: TenantID
    private let key = P256.Signing.PrivateKey()
    private let suite: SealingSuite
    private let life: Duration
    private let clock: RelayClock
    private let state = Mutex(State())

    /// Makes an authority without members.
    public init(
        tenant: TenantID, suite: SealingSuite = .x25519, life: Duration = .seconds(86_400),
        clock: RelayClock = .system
    ) {
        self.tenant = tenant
        self.suite = suite
        self.life = life
        self.clock = clock
    }

    /// What verifies its manifests.
    public var publicKey: P256.Signing.PublicKey { key.publicKey }

    /// Draws keys for a member.
    public func newKeys() throws -> MemberKeys {
        MemberKeys(identity: P256.Signing.PrivateKey(), hpke: try HPKEPrivateKey(suite: suite))
    }

    /// Lets a connector into groups, and cuts their next epochs.
    public func join(_ member: MemberID, _ keys: MemberKeys, _ groups: [GroupID]) throws {
        let entry = EpochMember(
            id: member, role: .connector, identityKey: keys.identity.publicKey, hpkeKey: keys.hpke.publicKey)
        state.withLock { state in
            for group in groups { state.members[group, default: [:]][member] = entry }
        }
        for group in groups { try cut(group) }
    }

    /// Lets a dispatcher into all groups, and cuts their next epochs.
    public func joinAsDispatcher(_ member: MemberID, _ keys: MemberKeys) throws {
        let groups = state.withLock { state in
            state.dispatchers[member] = EpochMember(
                id: member, role: .dispatcher, identityKey: keys.identity.publicKey, hpkeKey: keys.hpke.publicKey)
            return Array(state.members.keys)
        }
        for group in groups { try cut(group) }
    }

    /// Puts a member out of a group, and cuts its next epoch.
    public func leave(_ member: MemberID, _ group: GroupID) throws {
        state.withLock { state in
            state.members[group]?[member] = nil
            state.dispatchers[member] = nil
        }
        try cut(group)
    }

    /// Cuts the next epoch of a group.
    @discardableResult
    public func cut(
        _ group: GroupID, number: UInt32? = nil, from moment: RelayTime? = nil
    ) throws -> EpochManifest {
        let notBefore = moment ?? clock.now
        let (manifest, listeners) = try state.withLock { state in
            let previous = state.manifests[group]?.core
            let members = Array(state.members[group, default: [:]].values) + Array(state.dispatchers.values)
            let core = try EpochCore(
                suite: suite, tenant: tenant, group: group, number: number ?? (previous?.number ?? 0) + 1,
                previous: previous?.hash ?? .none, notBefore: notBefore, notAfter: notBefore + life, members: members)
            let manifest = try EpochManifest.make(core, secret: EpochSecret(), signer: key)
            state.manifests[group] = manifest
            return (manifest, state.listeners)
        }
        for listener in listeners { listener(manifest) }
        return manifest
    }

    /// Whether it answers.
    public var isReachable: Bool {
        get { state.withLock { $0.isReachable } }
        set { state.withLock { $0.isReachable = newValue } }
    }

    /// A connector's keyring, kept fresh by asking this authority.
    public func keeper(for party: Party, _ keys: MemberKeys, logger: Logger) -> EpochKeeper {
        keeper(for: party, MemberKeyShelf(keys), logger: logger)
    }

    /// The keyring of a connector whose keys are renewed.
    public func keeper(for party: Party, _ shelf: MemberKeyShelf, logger: Logger) -> EpochKeeper {
        EpochKeeper(
            keyring: Keyring(party: party, authority: publicKey),
            source: TestEpochSource(authority: self, shelf: shelf), clock: clock, logger: logger)
    }

    /// A dispatcher's keys, which hears of each epoch at once; the same ones again after a restart.
    public func tenantKeys(for party: Party, logger: Logger) -> TenantKeys {
        let known = state.withLock { $0.dispatcherKeys[party.member] }
        guard let keys = try? known ?? newKeys() else { preconditionFailure("the library makes keys") }
        let keeper = keeper(for: party, keys, logger: logger)
        state.withLock {
            $0.listeners.append { [clock] in
                _ = try? keeper.keyring.install($0, with: keys, at: clock.now)
            }
        }
        if known == nil {
            state.withLock { $0.dispatcherKeys[party.member] = keys }
            try? joinAsDispatcher(party.member, keys)
        } else {
            for manifest in state.withLock({ Array($0.manifests.values) }) {
                _ = try? keeper.keyring.install(manifest, with: keys, at: clock.now)
            }
        }
        return TenantKeys(keeper) { [weak self] in self?.state.withLock { Array($0.manifests.keys) } ?? [] }
    }

    /// The present epoch of a group.
    ///
    /// - Throws: `Unreachable` when it was told not to answer.
    public func manifest(of group: GroupID) throws -> EpochManifest? {
        try state.withLock { state in
            guard state.isReachable else { throw Unreachable() }
            return state.manifests[group]
        }
    }
}

/// One member's way to the authority.
struct TestEpochSource: EpochSource {
    let authority: TestKeyAuthority
    let shelf: MemberKeyShelf

    func manifest(of group: GroupID, unless known: CoreHash?) async throws -> EpochManifest? {
        guard let manifest = try authority.manifest(of: group), manifest.core.hash != known else { return nil }
        return manifest
    }

    func authority() async throws -> P256.Signing.PublicKey { authority.publicKey }

    func keys(for entry: EpochMember) async throws -> MemberKeys? { shelf.keys(for: entry) }

    func installed(_ core: EpochCore, in keyring: Keyring) async {}
}
