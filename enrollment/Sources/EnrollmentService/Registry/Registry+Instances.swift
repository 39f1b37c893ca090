internal import Foundation
internal import GRDB
internal import RelayFormat

/// The rows of dispatchers side by side.
extension Registry {
    /// All that were ever added, removed ones too, the oldest first.
    func instances() async throws -> [DispatcherInstance] {
        try await database.read { try Self.instances(in: $0) }
    }

    /// Adds an instance unless it is there.
    ///
    /// - Parameter id: the id that it has to have; nil for one that is drawn.
    func addInstance(_ name: String, id: MemberID?, at moment: Date) async throws -> DispatcherInstance {
        try await write { database in
            let known = try Self.instances(in: database)
            if let instance = known.first(where: { $0.name == name }) { return instance }
            var new = id ?? .random()
            // Request ids tell instances apart by these four bytes.
            for _ in 0..<64 where id == nil && known.contains(where: { $0.id.high >> 32 == new.high >> 32 }) {
                new = .random()
            }
            try database.execute(
                sql: "INSERT INTO dispatcher_instances (id, name, added_at) VALUES (?, ?, ?)",
                arguments: [new.description, name, Stamp(moment)])
            return try Self.instance(named: name, in: database)
        }
    }

    /// Notes that an instance's process is alive, and where; a nil boot is one that has ended.
    ///
    /// - Returns: false for an instance that was removed.
    func noteInstance(
        _ id: MemberID, boot: BootID?, address: String?, version: String, at moment: Date
    ) async throws -> Bool {
        try await write { database in
            try database.execute(
                sql: """
                    UPDATE dispatcher_instances SET boot = ?, address = coalesce(?, address), version = ?, seen_at = ?
                    WHERE id = ? AND removed_at IS NULL
                    """,
                arguments: [boot?.description, address, version, Stamp(moment), id.description])
            return database.changesCount > 0
        }
    }

    /// Gives an instance the slot that it had, or the first that nobody has; nil when all are taken.
    func leaseSlot(
        of slots: Int32, for id: MemberID, until end: Date, at moment: Date,
        boot: @escaping @Sendable (Int32) -> BootID
    ) async throws -> InboxLease? {
        try await write { database in
            let taken = try Int32.fetchAll(
                database, sql: "SELECT slot FROM inbox_leases WHERE instance_id <> ? AND expires_at > ?",
                arguments: [id.description, Stamp(moment)])
            let former = try Int32.fetchOne(
                database, sql: "SELECT slot FROM inbox_leases WHERE instance_id = ?", arguments: [id.description])
            let usable = former.flatMap { $0 < slots ? $0 : nil }
            guard let slot = usable ?? (0..<slots).first(where: { !taken.contains($0) }) else { return nil }
            let new = boot(slot)
            try database.execute(
                sql: "DELETE FROM inbox_leases WHERE slot = ? OR instance_id = ?", arguments: [slot, id.description])
            try database.execute(
                sql: "INSERT INTO inbox_leases (slot, instance_id, boot, expires_at) VALUES (?, ?, ?, ?)",
                arguments: [slot, id.description, new.description, Stamp(end)])
            return InboxLease(slot: slot, boot: new)
        }
    }

    /// Prolongs a lease, or takes the slot again that nobody has taken meanwhile.
    ///
    /// - Returns: false when another has it.
    func renew(_ lease: InboxLease, of id: MemberID, until end: Date, at moment: Date) async throws -> Bool {
        try await write { database in
            let isTaken = try Bool.fetchOne(
                database,
                sql: """
                    SELECT EXISTS (
                        SELECT 1 FROM inbox_leases WHERE slot = ? AND instance_id <> ? AND expires_at > ?)
                    """,
                arguments: [lease.slot, id.description, Stamp(moment)])
            guard isTaken != true else { return false }
            try database.execute(
                sql: "DELETE FROM inbox_leases WHERE slot = ? OR instance_id = ?",
                arguments: [lease.slot, id.description])
            try database.execute(
                sql: "INSERT INTO inbox_leases (slot, instance_id, boot, expires_at) VALUES (?, ?, ?, ?)",
                arguments: [lease.slot, id.description, lease.boot.description, Stamp(end)])
            return true
        }
    }

    /// Gives a slot back.
    func release(_ lease: InboxLease, of id: MemberID) async throws {
        try await write { database in
            try database.execute(
                sql: "DELETE FROM inbox_leases WHERE instance_id = ? AND boot = ?",
                arguments: [id.description, lease.boot.description])
        }
    }

    /// Has an instance take no new idempotency keys from now on.
    func retireInstance(_ name: String, at moment: Date) async throws -> DispatcherInstance {
        try await write { database in
            let instance = try Self.instance(named: name, in: database)
            guard instance.removedAt == nil else { throw Self.removed(instance) }
            try database.execute(
                sql: "UPDATE dispatcher_instances SET retired_at = coalesce(retired_at, ?) WHERE id = ?",
                arguments: [Stamp(moment), instance.id.description])
            return try Self.instance(named: name, in: database)
        }
    }

    /// Puts an instance out of all groups and the register, for good.
    func removeInstance(_ name: String, at moment: Date) async throws -> DispatcherInstance {
        try await write { database in
            let instance = try Self.instance(named: name, in: database)
            guard instance.removedAt == nil else { throw Self.removed(instance) }
            let id = instance.id.description
            try database.execute(
                sql: "UPDATE dispatcher_instances SET removed_at = ?, boot = NULL WHERE id = ?",
                arguments: [Stamp(moment), id])
            for table in ["dispatcher_members", "hpke_keys"] {
                try database.execute(sql: "DELETE FROM \(table) WHERE member_id = ?", arguments: [id])
            }
            try database.execute(sql: "DELETE FROM inbox_leases WHERE instance_id = ?", arguments: [id])
            return instance
        }
    }

    private static func removed(_ instance: DispatcherInstance) -> EnrollmentServiceError {
        EnrollmentServiceError(.alreadyExists, "The dispatcher instance “\(instance.name)” was removed already.")
    }

    private static func instance(named name: String, in database: Database) throws -> DispatcherInstance {
        guard let instance = try instances(in: database).first(where: { $0.name == name }) else {
            throw EnrollmentServiceError(
                .notFound, "There is no dispatcher instance “\(name)”; 'postern-tenant instances list' names them.")
        }
        return instance
    }

    private static func instances(in database: Database) throws -> [DispatcherInstance] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT dispatcher_instances.*, inbox_leases.slot FROM dispatcher_instances
                LEFT JOIN inbox_leases ON inbox_leases.instance_id = dispatcher_instances.id
                ORDER BY added_at, dispatcher_instances.rowid
                """
        ).map { try DispatcherInstance(row: $0) }
    }
}
