import CertificateAuthority
import Crypto
import EnrollmentProtocol
import Foundation
import IdentityStore
import MachineIdentity
import Testing

@testable import EnrollmentService

@Suite struct BroughtTLSTests {
    private struct Brought {
        let leaf: String
        let chain: String
        let key: String
        let issuer: Pin

        init() throws {
            let (rootKey, intermediateKey, serverKey) = (AuthorityKey.makeP384(), AuthorityKey.makeP256(), MachineKey())
            let root = try IssuingAuthority.makeRoot(
                trustDomain: "operator.test", key: rootKey, now: .now, serial: .random())
            let intermediate = try IssuingAuthority.makeIntermediate(
                trustDomain: "operator.test", key: intermediateKey, rootCertificate: root.der, rootKey: rootKey,
                now: .now, serial: .random())
            let authority = try IssuingAuthority(
                trustDomain: "operator.test", rootCertificate: root.der, intermediateCertificate: intermediate.der,
                intermediateKey: intermediateKey)
            leaf = try authority.issueServerCertificate(
                publicKey: serverKey.publicKey, hosts: [ServerHost("localhost")], now: .now, serial: .random()
            ).pem
            chain = leaf + authority.chainPEM
            key = serverKey.pem().reveal()
            issuer = try #require(Pin(bytes: KeyFingerprint(ofKeyInCertificate: intermediate.der).bytes))
        }
    }

    private func make(_ chain: String, _ key: String) async throws -> Installation {
        let path = FileManager.default.temporaryDirectory.appending(path: "enrollment-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try await Installation.make(
            .init(hosts: ["localhost"], trustDomain: nil, publicURL: "https://localhost", ownTLS: (chain, key)),
            in: StateFolder(path: path), now: .now)
    }

    @Test func theIssuerBehindTheCertificateIsPinned() async throws {
        let brought = try Brought()
        let installation = try await make(brought.chain, brought.key)
        #expect(try installation.serverIssuerPin == brought.issuer)
        #expect(installation.settings.hosts.isEmpty)
    }

    @Test func aCertificateWithoutItsIssuerOrWithAnotherKeyIsRefused() async throws {
        let brought = try Brought()
        for (chain, key) in [
            (brought.leaf, brought.key), (brought.chain, MachineKey().pem().reveal()), ("", brought.key),
            (brought.chain, ""),
        ] {
            await #expect(throws: EnrollmentServiceError(.invalidArgument, "")) { _ = try await make(chain, key) }
        }
    }
}
