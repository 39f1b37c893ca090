internal import Foundation
internal import GRDB
internal import RelaySealing

extension Registry {
    /// What proves the HPKE key of a member.
    struct KeyProof: Sendable {
        let signature: [UInt8]
        /// The certificate of the key that has signed, in DER; nil for a dispatcher.
        let certificate: [UInt8]?
    }

    /// The proofs of all members of a tenant, by their ids.
    func keyProofs(of tenant: Tenant, suite: SealingSuite) async throws -> [String: KeyProof] {
        try await database.read { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT hpke_keys.member_id, hpke_keys.signature, certificates.der FROM hpke_keys
                    LEFT JOIN certificates ON certificates.tenant_id = hpke_keys.tenant_id
                        AND certificates.connector_id = hpke_keys.member_id
                        AND certificates.key_fingerprint = hpke_keys.key_fingerprint
                    WHERE hpke_keys.tenant_id = ? AND hpke_keys.suite = ?
                    """,
                arguments: [tenant.id, suite.rawValue])
            return Dictionary(
                rows.map { row in
                    (
                        row["member_id"],
                        KeyProof(
                            signature: Array(row["signature"] as Data),
                            certificate: (row["der"] as Data?).map { Array($0) })
                    )
                }, uniquingKeysWith: { first, _ in first })
        }
    }
}
