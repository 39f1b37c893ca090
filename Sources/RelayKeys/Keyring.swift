public import Crypto
public import RelayFormat
internal import RelaySealing
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
        var authority: P256.Signing.PublicKey?
        /// The newest epoch of each group that was held.
        var marks: [GroupID: EpochMark] = [:]
        var groups: [GroupID: GroupEpochs] = [:]
        var sessions = SessionTable()
        var contacts = ContactBook()
        var messages: UInt64 = 0
    }

    /// Whose keys these are.
    public let party: Party
    let state: Mutex<State>
    let verified = VerifiedBatches()
    /// What this process says to itself alone.
    let own = OwnSeal(key: SymmetricKey(size: .bits256))

    /// Makes a keyring without an epoch.
    ///
    /// - Parameter authority: the key of the tenant's Key Authority; nil until it is adopted.
    public init(party: Party, authority: P256.Signing.PublicKey? = nil) {
        self.party = party
        state = Mutex(State(authority: authority))
    }

    /// Takes another Key Authority's key for the pinned one, whose succession has been proven.
    public func adopt(authority: P256.Signing.PublicKey) {
        state.withLock { $0.authority = authority }
    }

    /// The key by which manifests are verified.
    public var authority: P256.Signing.PublicKey? { state.withLock { $0.authority } }

    /// Lets what is over go: epochs, their sessions, processes that have been silent.
    public func tidy(at now: RelayTime) {
        state.withLock { state in
            for group in Array(state.groups.keys) {
                let ended = Set(state.groups[group]?.retire(at: now) ?? [])
                if !ended.isEmpty { state.sessions.remove { $0.group == group && ended.contains($0.epoch) } }
            }
            let silent = state.contacts.forget(silentFor: Self.memory, at: now)
            if !silent.isEmpty { state.sessions.remove { silent.contains($0.boot) } }
        }
    }

    /// Whether a member is one of a group's present epoch.
    public func isMember(_ member: MemberID, of group: GroupID) -> Bool {
        state.withLock { $0.groups[group]?.current?.core.member(member) != nil }
    }

    /// Whether a process whose words cannot be opened is to be invited now; at most once a second.
    public func takeInvitation(of boot: BootID, at now: RelayTime) -> Bool {
        state.withLock { $0.contacts.takeInvitation(of: boot, at: now) }
    }
}
