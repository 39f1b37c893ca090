public import Foundation
public import RelayFormat

internal import GRDB
internal import MachineIdentity

/// One of the dispatchers of an installation: a process with an id, keys and a ledger of its own.
public struct DispatcherInstance: Sendable, Equatable {
    /// The name of the one that has the installation's `dispatcher_id`, which was there before there were others.
    public static let usualName = "default"
    /// How long after its last sign of life a process counts as running.
    public static let patience: TimeInterval = 90

    /// The name.
    public let name: String
    /// The stable id, whose first four bytes begin every request id of it.
    public let id: MemberID
    /// Where the others reach it, as `https://host:port`; nil until it has said so.
    public let address: String?
    /// Its process; nil when it has ended in order.
    public let boot: BootID?
    /// The version of that.
    public let version: String?
    /// When it was added.
    public let addedAt: Date
    /// When its process was last seen.
    public let seenAt: Date?
    /// Since when it takes no new idempotency keys; nil while it does.
    public let retiredAt: Date?
    /// When it was removed for good; nil while it was not.
    public let removedAt: Date?
    /// The inbox slot that it has to itself; nil for none.
    public let slot: Int32?

    /// Whether its process has been seen lately.
    public func isRunning(at now: Date) -> Bool {
        guard boot != nil, removedAt == nil, let seenAt else { return false }
        return now.timeIntervalSince(seenAt) < Self.patience
    }

    /// What is wrong with a name, for people; nil when nothing is.
    static func flaw(in name: String) -> String? {
        guard MachineName.isSlug(name) else { return "use a-z, 0-9 and -, at most 63 of them" }
        // dispatcher-hpke.key and dispatcher-hpke-NAME.key are files of other instances.
        return name == "hpke" || name.hasPrefix("hpke-") ? "names do not begin with \"hpke\"" : nil
    }

    init(row: Row) throws {
        guard let id = MemberID(row["id"] as String) else {
            throw EnrollmentServiceError(.registry, "The registry holds an instance's id of another form.")
        }
        self.id = id
        name = row["name"]
        address = row["address"]
        boot = (row["boot"] as String?).flatMap { BootID($0) }
        version = row["version"]
        addedAt = (row["added_at"] as Stamp).date
        seenAt = (row["seen_at"] as Stamp?)?.date
        retiredAt = (row["retired_at"] as Stamp?)?.date
        removedAt = (row["removed_at"] as Stamp?)?.date
        slot = row["slot"]
    }
}
