import CertificateAuthority
import Crypto
import Foundation
import MachineIdentity

/// A root and an intermediate, made for one test.
struct Installation {
    let now: Date
    let rootKey: AuthorityKey
    let root: IssuedCertificate
    let intermediateKey = AuthorityKey.makeP256()
    let intermediate: IssuedCertificate
    let authority: IssuingAuthority

    init(trustDomain: String = "example.org", now: Date = Date(), rootKey: AuthorityKey = .makeP384()) throws {
        self.now = now
        self.rootKey = rootKey
        root = try IssuingAuthority.makeRoot(trustDomain: trustDomain, key: rootKey, now: now, serial: .random())
        intermediate = try IssuingAuthority.makeIntermediate(
            trustDomain: trustDomain, key: intermediateKey, rootCertificate: root.der, rootKey: rootKey, now: now,
            serial: .random())
        authority = try IssuingAuthority(
            trustDomain: trustDomain, rootCertificate: root.der, intermediateCertificate: intermediate.der,
            intermediateKey: intermediateKey)
    }

    func name(tenant: String = "acme") throws -> MachineName {
        try MachineName(
            trustDomain: authority.trustDomain, tenant: tenant, account: "gw-site-a", connector: "aaaabbbbccccdddd")
    }

    func issue(_ key: MachineKey, profile: CertificateProfile = .machine) throws -> IssuedCertificate {
        try authority.issueMachineCertificate(
            publicKey: key.publicKey, name: name(), profile: profile, now: now, serial: .random())
    }
}
