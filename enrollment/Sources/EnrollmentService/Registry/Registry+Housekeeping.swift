internal import EnrollmentProtocol
internal import Foundation
internal import GRDB

/// Forgetting what has ended.
extension Registry {
    /// For how long a certificate is kept after its end, and at least for as long as it may be renewed.
    static let retention: TimeInterval = 30 * 86400
    private static let batch = 500
    private static let mostBatches = 200

    /// Deletes certificates, nonces and assertions that have ended, in small transactions that let others in between.
    ///
    /// The newest certificate of a connector stays, and with it the refusal of its key.
    /// - Returns: how many rows went.
    func tidy(at now: Date) async throws -> Int {
        let oldest = now.addingTimeInterval(-max(Self.retention, recovery))
        try await database.write { try pruneDenylist(at: now, in: $0) }
        var total = 0
        for _ in 0..<Self.mostBatches {
            let deleted = try await database.write { database in
                try Self.forget("nonces", endedAt: now, in: database)
                    + Self.forget("assertions", endedAt: now, in: database)
                    + Self.forgetCertificates(endedBefore: oldest, in: database)
            }
            total += deleted
            if deleted == 0 || Task.isCancelled { break }
        }
        return total
    }

    private static func forget(_ table: String, endedAt now: Date, in database: Database) throws -> Int {
        try database.execute(
            sql: """
                DELETE FROM \(table) WHERE digest IN (SELECT digest FROM \(table) WHERE expires_at <= ? LIMIT ?)
                """,
            arguments: [Stamp(now), batch])
        return database.changesCount
    }

    private static func forgetCertificates(endedBefore end: Date, in database: Database) throws -> Int {
        try database.execute(
            sql: """
                DELETE FROM certificates WHERE fingerprint IN (
                    SELECT certificates.fingerprint FROM certificates
                    JOIN connectors ON connectors.tenant_id = certificates.tenant_id
                        AND connectors.id = certificates.connector_id
                    WHERE certificates.not_after < ? AND certificates.generation < connectors.generation LIMIT ?)
                """,
            arguments: [Stamp(end), batch])
        return database.changesCount
    }
}

extension EnrollmentServer {
    /// Forgets what has ended; called now and then by whoever runs the service.
    ///
    /// - Returns: how many rows went.
    public func tidy() async throws(EnrollmentServiceError) -> Int {
        do {
            return try await installation.registry.tidy(at: now())
        } catch {
            throw EnrollmentServiceError(.registry, "The registry cannot be tidied: \(error)")
        }
    }
}
