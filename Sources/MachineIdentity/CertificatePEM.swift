internal import SwiftASN1

/// Certificates as PEM text, one after the other.
public enum CertificatePEM {
    private static let discriminator = "CERTIFICATE"
    private static let longest = 1 << 20

    /// Writes certificates, given in DER.
    public static func encode(_ certificates: [[UInt8]]) -> String {
        certificates.map { PEMDocument(type: discriminator, derBytes: $0).pemString + "\n" }.joined()
    }

    /// Reads all certificates of a text; throws unless there is at least one and nothing broken.
    public static func decode(_ text: String) throws(MachineIdentityError) -> [[UInt8]] {
        guard text.utf8.count <= longest, let documents = try? PEMDocument.parseMultiple(pemString: text) else {
            throw MachineIdentityError(.invalidCertificate, "this is no PEM")
        }
        let certificates = documents.filter { $0.discriminator == discriminator }.map(\.derBytes)
        guard !certificates.isEmpty else {
            throw MachineIdentityError(.invalidCertificate, "there is no certificate in this PEM")
        }
        return certificates
    }
}
