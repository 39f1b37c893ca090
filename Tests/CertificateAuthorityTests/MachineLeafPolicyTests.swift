import CertificateAuthority
import Crypto
import Foundation
import MachineIdentity
import SwiftASN1
import Testing
import X509

/// Certificates that our intermediate has signed, or seems to have, but that no machine may use.
@Suite struct MachineLeafPolicyTests {
    let installation: Installation
    let policy: MachineLeafPolicy
    let key = P256.Signing.PrivateKey()
    let uri = "spiffe://example.org/t/acme/sa/gw/c/one"

    init() throws {
        installation = try Installation()
        policy = try installation.authority.leafPolicy()
    }

    /// A leaf with exactly these extensions, signed by the intermediate unless another signer is given.
    private func leaf(
        version: Certificate.Version = .v3, publicKey: Certificate.PublicKey? = nil,
        signer: Certificate.PrivateKey? = nil, issuer: DistinguishedName? = nil,
        @ExtensionsBuilder extensions: () throws -> Result<Certificate.Extensions, any Error>
    ) throws -> [UInt8] {
        let intermediate = try Certificate(derEncoded: installation.intermediate.der)
        let certificate = try Certificate(
            version: version, serialNumber: Certificate.SerialNumber(),
            publicKey: publicKey ?? Certificate.PublicKey(key.publicKey),
            notValidBefore: installation.now.addingTimeInterval(-10),
            notValidAfter: installation.now.addingTimeInterval(1000), issuer: issuer ?? intermediate.subject,
            subject: DistinguishedName { CommonName("one") }, extensions: Certificate.Extensions(builder: extensions),
            issuerPrivateKey: signer ?? Certificate.PrivateKey(pemEncoded: installation.intermediateKey.pem()))
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        return serializer.serializedBytes
    }

    private func expectRefused(
        _ der: [UInt8], as code: MachineIdentityError.Code = .notMachineCertificate, at moment: Date? = nil,
        location: SourceLocation = #_sourceLocation
    ) {
        #expect(throws: MachineIdentityError(code, ""), sourceLocation: location) {
            try policy.judge(der, at: moment ?? installation.now)
        }
    }

    @Test func theTestsOwnGoodLeafIsAccepted() throws {
        let good = try leaf {
            Critical(BasicConstraints.notCertificateAuthority)
            Critical(KeyUsage(digitalSignature: true))
            try ExtendedKeyUsage([.clientAuth])
            SubjectAlternativeNames([.uniformResourceIdentifier(uri)])
        }
        #expect(try policy.judge(good, at: installation.now).name.uri == uri)
    }

    @Test func wrongPurposesAreRefused() throws {
        for purposes: [ExtendedKeyUsage.Usage] in [[.serverAuth], [.clientAuth, .serverAuth], [.any], []] {
            expectRefused(
                try leaf {
                    Critical(BasicConstraints.notCertificateAuthority)
                    Critical(KeyUsage(digitalSignature: true))
                    if !purposes.isEmpty { try ExtendedKeyUsage(purposes) }
                    SubjectAlternativeNames([.uniformResourceIdentifier(uri)])
                })
        }
    }

    @Test func wrongKeyUsagesAreRefused() throws {
        for usage in [
            KeyUsage(keyCertSign: true), KeyUsage(digitalSignature: true, keyAgreement: true), KeyUsage(),
        ] {
            expectRefused(
                try leaf {
                    Critical(BasicConstraints.notCertificateAuthority)
                    Critical(usage)
                    try ExtendedKeyUsage([.clientAuth])
                    SubjectAlternativeNames([.uniformResourceIdentifier(uri)])
                })
        }
        expectRefused(
            try leaf {
                Critical(BasicConstraints.notCertificateAuthority)
                KeyUsage(digitalSignature: true)
                try ExtendedKeyUsage([.clientAuth])
                SubjectAlternativeNames([.uniformResourceIdentifier(uri)])
            })
    }

    @Test func anAuthorityOrALeafWithoutCriticalConstraintsIsRefused() throws {
        for constraints in [BasicConstraints.isCertificateAuthority(maxPathLength: nil), .notCertificateAuthority] {
            expectRefused(
                try leaf {
                    if constraints != .notCertificateAuthority { Critical(constraints) } else { constraints }
                    Critical(KeyUsage(digitalSignature: true))
                    try ExtendedKeyUsage([.clientAuth])
                    SubjectAlternativeNames([.uniformResourceIdentifier(uri)])
                })
        }
        expectRefused(installation.intermediate.der, as: .foreignCertificate)
        expectRefused(installation.root.der, as: .foreignCertificate)
    }

    @Test func noNameTwoNamesAndNamesOfOtherKindsAreRefused() throws {
        for names: [GeneralName] in [
            [], [.dnsName("example.org")], [.uniformResourceIdentifier(uri), .dnsName("example.org")],
            [.uniformResourceIdentifier(uri), .uniformResourceIdentifier(uri)],
            [.uniformResourceIdentifier("https://example.org/")],
        ] {
            expectRefused(
                try leaf {
                    Critical(BasicConstraints.notCertificateAuthority)
                    Critical(KeyUsage(digitalSignature: true))
                    try ExtendedKeyUsage([.clientAuth])
                    if !names.isEmpty { SubjectAlternativeNames(names) }
                })
        }
    }

    @Test func anotherTrustDomainIsForeign() throws {
        expectRefused(
            try leaf {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.clientAuth])
                SubjectAlternativeNames([.uniformResourceIdentifier("spiffe://example.com/t/acme/sa/gw/c/one")])
            }, as: .foreignCertificate)
    }

    @Test func otherCurvesAndUnknownCriticalExtensionsAreRefused() throws {
        expectRefused(
            try leaf(publicKey: Certificate.PublicKey(P384.Signing.PrivateKey().publicKey)) {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.clientAuth])
                SubjectAlternativeNames([.uniformResourceIdentifier(uri)])
            })
        expectRefused(
            try leaf {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.clientAuth])
                SubjectAlternativeNames([.uniformResourceIdentifier(uri)])
                Certificate.Extension(oid: [1, 2, 3, 4], critical: true, value: [5, 0])
            })
    }

    @Test func aForgedSignatureOrAnotherInstallationIsForeign() throws {
        let forged = try leaf(signer: Certificate.PrivateKey(key)) {
            Critical(BasicConstraints.notCertificateAuthority)
            Critical(KeyUsage(digitalSignature: true))
            try ExtendedKeyUsage([.clientAuth])
            SubjectAlternativeNames([.uniformResourceIdentifier(uri)])
        }
        expectRefused(forged, as: .foreignCertificate)
        expectRefused(try Installation().issue(MachineKey()).der, as: .foreignCertificate)
    }

    @Test func aLongChainThroughALeafIsForeign() throws {
        let machine = try installation.issue(MachineKey(key))
        let below = try leaf(
            signer: Certificate.PrivateKey(key), issuer: Certificate(derEncoded: machine.der).subject
        ) {
            Critical(BasicConstraints.notCertificateAuthority)
            Critical(KeyUsage(digitalSignature: true))
            try ExtendedKeyUsage([.clientAuth])
            SubjectAlternativeNames([.uniformResourceIdentifier(uri)])
        }
        expectRefused(below, as: .foreignCertificate)
        #expect(throws: MachineIdentityError.self) {
            try MachineLeafPolicy(
                trustDomain: "example.org", intermediates: [machine.der], roots: [installation.root.der])
        }
    }

    @Test func timeIsJudgedToTheSecond() throws {
        let issued = try installation.issue(MachineKey())
        _ = try policy.judge(issued.der, at: issued.notBefore)
        _ = try policy.judge(issued.der, at: issued.notAfter)
        expectRefused(issued.der, as: .certificateNotYetValid, at: issued.notBefore.addingTimeInterval(-1))
        expectRefused(issued.der, as: .certificateExpired, at: issued.notAfter.addingTimeInterval(1))
    }

    @Test func garbageIsNoCertificate() {
        expectRefused([], as: .invalidCertificate)
        expectRefused([0x30, 3, 2, 1, 5], as: .invalidCertificate)
        expectRefused(Array(repeating: 0x30, count: 5000), as: .invalidCertificate)
    }
}
