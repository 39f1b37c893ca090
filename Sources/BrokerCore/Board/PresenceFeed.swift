internal import RelayFormat

/// The watchers of one tenant's presence.
struct PresenceFeed: Sendable {
    var watches: [ReaderID: WatchBuffer] = [:]

    /// Shows a beat to every watcher.
    mutating func announce(beat payload: [UInt8], expiresAt: RelayTime, _ account: inout BoardAccount) {
        for reader in watches.keys
        where watches[reader]?.add(beat: payload, expiresAt: expiresAt, &account) == true {
            account.actions.wake.append(reader)
        }
    }

    /// Shows every watcher that an inbox is closed; a watcher that has not read too many of them is closed itself.
    mutating func announce(closed boot: BootID, _ account: inout BoardAccount) {
        for reader in watches.keys {
            switch watches[reader]?.add(closed: boot, limit: account.limits.watchClosings) {
            case true: account.actions.wake.append(reader)
            case false: break
            case nil:
                watches[reader] = nil
                account.actions.closed.append(reader)
            }
        }
    }
}
