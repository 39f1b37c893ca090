internal import CertificateAuthority
internal import Crypto
internal import Foundation
internal import GRDB
internal import MachineIdentity
internal import SwiftASN1
internal import X509

/// A certificate as the registry keeps it.
struct StoredCertificate: Sendable {
    let der: [UInt8]
    let fingerprint: Data
    let keyFingerprint: Data
    let serial: String
    let notBefore: Date
    let notAfter: Date
    let generation: Int

    init(_ issued: IssuedCertificate, key: Data, generation: Int) {
        der = issued.der
        fingerprint = Data(issued.fingerprint.bytes)
        keyFingerprint = key
        serial = issued.serial.description
        notBefore = issued.notBefore
        notAfter = issued.notAfter
        self.generation = generation
    }

    init(row: Row) {
        der = Array(row["der"] as Data)
        fingerprint = row["fingerprint"]
        keyFingerprint = row["key_fingerprint"]
        serial = row["serial"]
        notBefore = (row["not_before"] as Stamp).date
        notAfter = (row["not_after"] as Stamp).date
        generation = row["generation"]
    }

    /// The key of a certificate in its 65-byte form (X9.63).
    static func publicKey(in der: [UInt8]) throws -> [UInt8] {
        guard let key = P256.Signing.PublicKey(try Certificate(derEncoded: der).publicKey) else {
            throw EnrollmentServiceError(.registry, "The registry holds a certificate without a P-256 key.")
        }
        return Array(key.x963Representation)
    }

    func insert(connector: String, tenant: String, in database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO certificates (fingerprint, serial, tenant_id, connector_id, key_fingerprint, der,
                    not_before, not_after, generation)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                fingerprint, serial, tenant, connector, keyFingerprint, Data(der), Stamp(notBefore), Stamp(notAfter),
                generation,
            ])
    }
}
