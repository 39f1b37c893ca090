internal import CertificateAuthority
public import Foundation
internal import IdentityStore
internal import MachineIdentity

extension Installation {
    /// Makes the certificate of the port anew, with a new key, for the hosts of `init`; the next start shows it.
    ///
    /// Run again, it mends what a crash between its two files left.
    /// - Returns: when it ends.
    /// - Throws: `invalidArgument` where the operator has brought a certificate along.
    public func renewTLS(now: Date) throws -> Date {
        guard !settings.hosts.isEmpty else {
            throw EnrollmentServiceError(
                .invalidArgument,
                "The port shows a certificate that you brought along: replace \(folder.path)/\(File.tls) and"
                    + " \(File.tlsKey) with its successor, and restart the tenant.")
        }
        let key = MachineKey()
        let issued = try authority.issueServerCertificate(
            publicKey: key.publicKey, hosts: try settings.hosts.map { try ServerHost($0) }, now: now, serial: .random())
        try folder.write(Array(key.pem().reveal().utf8), to: File.tlsKey)
        try folder.write(Array((issued.pem + authority.chainPEM).utf8), to: File.tls)
        return issued.notAfter
    }
}
