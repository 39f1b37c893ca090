public import Foundation
public import IdentityStore
public import RelayFormat

/// The register of an installation's dispatchers: who there is, who runs where, and which inbox slot is whose.
public struct InstanceRegister: Sendable {
    /// For how long a slot is leased; it is renewed with every sign of life.
    public static let leaseLife: TimeInterval = DispatcherInstance.patience

    private let installation: Installation

    /// Opens the register of an installation.
    public init(_ installation: Installation) {
        self.installation = installation
    }

    /// All instances that were ever added, removed ones too, the oldest first.
    public func all() async throws(EnrollmentServiceError) -> [DispatcherInstance] {
        try await reporting { try await installation.registry.instances() }
    }

    /// Adds an instance unless it is there.
    ///
    /// The installation's first dispatcher is added along with any other if it has ever kept a ledger: the idempotency
    /// keys there have been its own since that ledger began. So this comes before the ledger is opened.
    ///
    /// - Throws: `invalidArgument` for a name that cannot be one, or that was removed.
    public func enter(_ name: String, at now: Date) async throws(EnrollmentServiceError) -> DispatcherInstance {
        try Self.check(name)
        guard let first = MemberID(installation.settings.dispatcherID) else {
            throw EnrollmentServiceError(.unreadable, "installation.json names no dispatcher in “dispatcher_id”.")
        }
        let usual = DispatcherInstance.usualName
        let hasLedger = FileManager.default.fileExists(atPath: installation.ledgerPath)
        let instance = try await reporting {
            let registry = installation.registry
            if name == usual || hasLedger {
                // Of one that has a ledger and no row nobody knows since when: longer than any key lives.
                let begin = hasLedger ? Date(timeIntervalSince1970: 0) : now
                _ = try await registry.addInstance(usual, id: first, at: begin)
            }
            return try await registry.addInstance(name, id: nil, at: now)
        }
        guard instance.removedAt == nil else {
            throw EnrollmentServiceError(
                .invalidArgument,
                "The dispatcher instance “\(name)” was removed for good; give a new one another name with --instance.")
        }
        return instance
    }

    /// Notes that the process of an instance is alive and where the others reach it.
    ///
    /// - Returns: false when it was removed.
    public func note(
        _ instance: MemberID, boot: BootID, address: String?, version: String, at now: Date
    ) async throws(EnrollmentServiceError) -> Bool {
        try await reporting {
            try await installation.registry.noteInstance(
                instance, boot: boot, address: address, version: version, at: now)
        }
    }

    /// Notes that the process of an instance ends in order.
    public func noteEnd(
        of instance: MemberID, lease: InboxLease?, version: String, at now: Date
    ) async throws(EnrollmentServiceError) {
        try await reporting {
            _ = try await installation.registry.noteInstance(
                instance, boot: nil, address: nil, version: version, at: now)
            if let lease { try await installation.registry.release(lease, of: instance) }
        }
    }

    /// Leases an inbox slot for a process that starts.
    ///
    /// - Parameter boot: draws the process's id for a slot.
    /// - Throws: `invalidArgument` when all slots have their processes.
    public func lease(
        of slots: Int32, for instance: DispatcherInstance, at now: Date,
        boot: @escaping @Sendable (Int32) -> BootID
    ) async throws(EnrollmentServiceError) -> InboxLease {
        let lease = try await reporting {
            try await installation.registry.leaseSlot(
                of: slots, for: instance.id, until: now.addingTimeInterval(Self.leaseLife), at: now, boot: boot)
        }
        guard let lease else {
            throw EnrollmentServiceError(
                .invalidArgument,
                "All \(slots) inboxes for dispatchers have their processes: the dispatcher instance"
                    + " “\(instance.name)” cannot start. Stop another one (a killed one's place is free after"
                    + " \(Int(Self.leaseLife)) s), or give the layout more inbox_partitions, two for each.")
        }
        return lease
    }

    /// Prolongs a lease.
    ///
    /// - Returns: false when another process has the slot by now.
    public func renew(
        _ lease: InboxLease, of instance: MemberID, at now: Date
    ) async throws(EnrollmentServiceError) -> Bool {
        try await reporting {
            try await installation.registry.renew(
                lease, of: instance, until: now.addingTimeInterval(Self.leaseLife), at: now)
        }
    }

    /// Has an instance take no new idempotency keys from now on; all else it goes on with.
    public func retire(_ name: String, at now: Date) async throws(EnrollmentServiceError) -> DispatcherInstance {
        try await reporting { try await installation.registry.retireInstance(name, at: now) }
    }

    /// Removes an instance for good, which must not run: it leaves all groups, and its keys are erased.
    ///
    /// Its ledger stays where it is, and nobody answers from it any more.
    public func remove(_ name: String, at now: Date) async throws(EnrollmentServiceError) -> DispatcherInstance {
        let instance = try await reporting { try await installation.registry.removeInstance(name, at: now) }
        for file in DispatcherMembership.files(ofInstance: name) {
            do { try installation.folder.remove(file) } catch {
                throw EnrollmentServiceError(.unreadable, "\(error.message). \(error.remedy)")
            }
        }
        return instance
    }

    /// The lock that the process of an instance has; nil when another process has it.
    ///
    /// - Throws: `EnrollmentServiceError` for a name that cannot be one; the state folder's errors.
    public func lock(_ name: String) throws -> FolderLock? {
        try Self.check(name)
        return try installation.folder.lock(
            name == DispatcherInstance.usualName ? "serve.lock" : "serve-\(name).lock")
    }

    private static func check(_ name: String) throws(EnrollmentServiceError) {
        guard let flaw = DispatcherInstance.flaw(in: name) else { return }
        throw EnrollmentServiceError(.invalidArgument, "“\(name.prefix(80))” is no instance's name: \(flaw).")
    }

    private func reporting<Value>(
        _ body: () async throws -> Value
    ) async throws(EnrollmentServiceError) -> Value {
        do { return try await body() } catch let error as EnrollmentServiceError { throw error } catch {
            throw EnrollmentServiceError(.registry, "The register of dispatchers failed: \(error)")
        }
    }
}
