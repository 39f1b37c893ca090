internal import EnrollmentProtocol
internal import Foundation
internal import GRDB

/// What an installation knows about its tenants, in one SQLite file.
///
/// Whatever belongs to a tenant is reached through a `TenantScope` only, which a credential opens.
public struct Registry: Sendable {
    let database: DatabasePool
    let pepper: Pepper
    /// For how long after its end a certificate may still be renewed.
    let recovery: TimeInterval
    private let writer: RegistryWriter

    /// Opens or makes the registry in a file that its owner alone may read.
    init(path: String, pepper: Pepper, recovery: TimeInterval = retention) throws(EnrollmentServiceError) {
        // SQLite would make it readable for others, and gives its journals the mode that it finds.
        let descriptor = Foundation.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw EnrollmentServiceError(
                .registry, "The registry \(path) cannot be opened: \(String(cString: strerror(errno)))")
        }
        Foundation.close(descriptor)
        var configuration = Configuration()
        configuration.label = "postern.registry"
        configuration.busyMode = .timeout(5)
        configuration.maximumReaderCount = 4
        configuration.foreignKeysEnabled = true
        do {
            database = try DatabasePool(path: path, configuration: configuration)
            // A pool sets NORMAL by itself, under which a crash of the machine may lose what was answered.
            try database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            try RegistrySchema.migrator.migrate(database)
        } catch {
            throw EnrollmentServiceError(.registry, "The registry \(path) cannot be opened: \(error)")
        }
        self.pepper = pepper
        self.recovery = recovery
        writer = RegistryWriter(database: database)
    }

    /// Writes what is in the journal to the file and lets go of it.
    func close() throws(EnrollmentServiceError) {
        try Self.reporting { try database.close() }
    }

    /// Throws unless the registry can be read.
    public func check() async throws(EnrollmentServiceError) {
        do { _ = try await database.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM tenants") } } catch {
            throw EnrollmentServiceError(.registry, "The registry cannot be read: \(error)")
        }
    }

    /// Changes the registry, all of it or nothing, together with what others change just now.
    func write<Value: Sendable>(_ change: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await writer.write(change)
    }

    static func reporting<Value>(_ body: () throws -> Value) throws(EnrollmentServiceError) -> Value {
        do { return try body() } catch let error as EnrollmentServiceError { throw error } catch {
            throw EnrollmentServiceError(.registry, "The registry failed: \(error)")
        }
    }
}
