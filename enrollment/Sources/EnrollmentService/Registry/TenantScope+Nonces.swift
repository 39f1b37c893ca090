internal import EnrollmentProtocol
internal import Foundation
internal import GRDB

extension TenantScope {
    static let mostNonces = 256
    private static let nonceLabel = "enrollment nonce"

    /// Makes a nonce for one certificate request of an enrollment.
    func createNonce(for grant: EnrollmentGrant, lifetime: TimeInterval, at now: Date) async throws -> NonceAnswer {
        var generator = SystemRandomNumberGenerator()
        let nonce = Base32.text(of: (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
        let digest = registry.pepper.digest(of: nonce, label: Self.nonceLabel)
        let expires = Stamp(now.addingTimeInterval(lifetime))
        try await database.write { database in
            try database.execute(
                sql: "DELETE FROM nonces WHERE tenant_id = ? AND enrollment_id = ? AND expires_at <= ?",
                arguments: [tenant.id, grant.id, Stamp(now)])
            // The oldest make room, so that an enrollment that asks without end fills nothing.
            try database.execute(
                sql: """
                    DELETE FROM nonces WHERE digest IN (
                        SELECT digest FROM nonces WHERE tenant_id = ? AND enrollment_id = ?
                        ORDER BY expires_at DESC LIMIT -1 OFFSET ?)
                    """,
                arguments: [tenant.id, grant.id, Self.mostNonces - 1])
            try database.execute(
                sql: "INSERT INTO nonces (digest, tenant_id, enrollment_id, expires_at) VALUES (?, ?, ?, ?)",
                arguments: [digest, tenant.id, grant.id, expires])
        }
        return NonceAnswer(nonce: nonce, expiresAt: expires.date)
    }

    /// Takes a nonce out; refuses one that is unknown, used, too old, or of another enrollment.
    func useNonce(_ nonce: String?, of grant: EnrollmentGrant, at now: Date, in database: Database) throws {
        guard let nonce else {
            throw Refusal(
                .proofOfPossessionFailed,
                "The certificate request has no challengePassword; it must repeat a nonce of \(APIPath.nonces).")
        }
        try database.execute(
            sql: "DELETE FROM nonces WHERE digest = ? AND tenant_id = ? AND enrollment_id = ? AND expires_at > ?",
            arguments: [registry.pepper.digest(of: nonce, label: Self.nonceLabel), tenant.id, grant.id, Stamp(now)])
        guard database.changesCount == 1 else {
            throw Refusal(.nonceExpired, "Fetch a new nonce and make the certificate request anew with it.")
        }
    }
}
