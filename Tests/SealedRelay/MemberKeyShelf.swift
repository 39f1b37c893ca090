public import RelayKeys
internal import RelaySealing
internal import Synchronization

/// The keys that a member has on its disk: the present ones, and former ones that an epoch may still name.
public final class MemberKeyShelf: Sendable {
    private let keys: Mutex<[MemberKeys]>

    /// Begins with one pair.
    public init(_ keys: MemberKeys) {
        self.keys = Mutex([keys])
    }

    /// Puts renewed keys beside the others.
    public func add(_ renewed: MemberKeys) { keys.withLock { $0.append(renewed) } }

    /// Those by which an epoch names the member.
    func keys(for entry: EpochMember) -> MemberKeys? {
        keys.withLock { $0.last { $0.hpke.publicKey == entry.hpkeKey } }
    }
}
