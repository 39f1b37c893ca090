public import Crypto
public import RelayFormat
public import RelaySealing
internal import Synchronization

/// The keys of one party: the epochs of its groups and its sessions, by which all that it says and hears is sealed.
///
/// Keys are looked up and counts are kept under one lock; sealing and opening happen outside it, the signature first and
/// the state after. Beside this file: sealing, opening, epochs.
public final class Keyring: MessageSealing {
    /// How far the clocks of two parties may be apart.
    static let skew = Duration.seconds(60)
    /// For how long a process that says nothing is remembered.
    static let memory = Duration.seconds(900)

    struct State: ~Copyable {
        var keys: [MemberKeys]
        var authority: P256.Signing.PublicKey
        var floors: [GroupID: EpochMark]
        var groups: [GroupID: GroupEpochs] = [:]
        var sessions = SessionTable()
        var contacts = ContactBook()
        var messages: UInt64 = 0
    }

    /// Whose keys these are.
    public let party: Party
    let state: Mutex<State>
    let verified = VerifiedRoots()
    /// What this process says to itself alone.
    let own = OwnSeal(key: SymmetricKey(size: .bits256))

    /// Makes a keyring without an epoch.
    ///
    /// - Parameters:
    ///   - keys: the member's present keys.
    ///   - authority: the key of the tenant's Key Authority.
    ///   - floors: the newest epoch of each group that this member has ever held; older ones are refused.
    public init(
        party: Party, keys: MemberKeys, authority: P256.Signing.PublicKey, floors: [GroupID: EpochMark] = [:]
    ) {
        self.party = party
        state = Mutex(State(keys: [keys], authority: authority, floors: floors))
    }

    /// Takes further keys into use: the next epoch that names them is opened with them.
    public func add(_ keys: MemberKeys) {
        state.withLock { state in
            state.keys.removeAll { $0.isSame(as: keys) }
            state.keys.append(keys)
        }
    }

    /// Takes another Key Authority's key for the pinned one, whose succession has been proven.
    public func adopt(authority: P256.Signing.PublicKey) {
        state.withLock { $0.authority = authority }
    }

    /// The key by which manifests are verified.
    public var authority: P256.Signing.PublicKey { state.withLock { $0.authority } }

    /// Lets what is over go: epochs, their sessions, processes that have been silent.
    public func tidy(at now: RelayTime) {
        state.withLock { state in
            for group in Array(state.groups.keys) {
                let ended = Set(state.groups[group]?.retire(at: now) ?? [])
                if !ended.isEmpty { state.sessions.remove { $0.group == group && ended.contains($0.epoch) } }
            }
            let silent = state.contacts.forget(silentFor: Self.memory, at: now)
            if !silent.isEmpty { state.sessions.remove { silent.contains($0.boot) } }
            // Of former keys those stay that an epoch still rests on; the newest pair waits for its epoch.
            let held = state.groups.values.flatMap { [$0.current].compactMap(\.self) + $0.older }.map(\.keys)
            let newest = state.keys.last
            state.keys.removeAll { keys in
                !(newest?.isSame(as: keys) ?? false) && !held.contains { $0.isSame(as: keys) }
            }
        }
    }

    /// Whether a process whose session is not known is to be invited now; at most once a second.
    public func takeInvitation(of boot: BootID, at now: RelayTime) -> Bool {
        state.withLock { $0.contacts.takeInvitation(of: boot, at: now) }
    }
}

extension MemberKeys {
    func isSame(as other: MemberKeys) -> Bool {
        identity.publicKey.rawRepresentation == other.identity.publicKey.rawRepresentation
            && hpke.publicKey == other.hpke.publicKey
    }
}
