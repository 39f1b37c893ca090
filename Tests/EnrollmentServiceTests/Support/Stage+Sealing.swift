import Crypto
import EnrollmentProtocol
import Foundation
import HTTPTypes
import Logging
import MachineIdentity
import RelayFormat
import RelaySealing
import Testing

@testable import EnrollmentService

extension Stage {
    /// The groups that a machine serves.
    func groups(of machine: Machine) async throws -> [GroupReference] {
        try await call(.get, APIPath.ownState, certificate: machine.certificate).message(SelfAnswer.self).groups
    }

    /// What a machine says of an HPKE key.
    func statement(
        _ key: HPKEPrivateKey, of machine: Machine, tenant: TenantAccess, signer: MachineKey? = nil
    ) throws -> HPKEKeyRequest {
        let statement = try HPKEKeyStatement.make(
            key.publicKey, tenant: try #require(TenantID(tenant.tenant.id)), member: try #require(MemberID(machine.id)),
            signer: (signer ?? machine.key).signing)
        return HPKEKeyRequest(
            suite: Int(key.suite.rawValue), key: key.publicKey.rawRepresentation, signature: statement.signature)
    }

    /// Hands in a fresh HPKE key.
    @discardableResult
    func handInKeys(
        _ machine: Machine, of tenant: TenantAccess, suite: SealingSuite = .x25519
    ) async throws -> HPKEPrivateKey {
        let key = try HPKEPrivateKey(suite: suite)
        let answer = try await call(
            .put, APIPath.hpkeKeys, certificate: machine.certificate,
            message: try statement(key, of: machine, tenant: tenant))
        #expect(answer.status == 204, "\(answer.text)")
        return key
    }

    /// Cuts the epochs that are due, as a Key Authority does that has just started.
    func cutEpochs() async {
        await keyAuthority().advance()
    }

    func keyAuthority() -> KeyAuthorityService {
        KeyAuthorityService(
            installation: installation, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            now: { [self] in now })
    }

    /// The present epoch of a machine's first group, as the machine gets it.
    func epoch(of machine: Machine) async throws -> EpochManifest {
        let group = try #require(try await groups(of: machine).first).id
        let answer = try await call(
            .get, APIPath.currentEpoch.replacing("{group}", with: group), certificate: machine.certificate)
        try #require(answer.status == 200, "\(answer.text)")
        return try EpochManifest(decoding: Array(answer.body))
    }

    /// The present epoch of a tenant's group, as the registry has it.
    func keptEpoch(ofGroup name: String = "site", of access: TenantAccess) async throws -> EpochManifest? {
        let id = try await service.scope(access.tenant).group(named: name).id
        return try await service.scope(access.tenant).presentEpoch(ofGroup: id).map {
            try EpochManifest(decoding: $0.manifest)
        }
    }

    func authorityKey(of access: TenantAccess) throws -> P256.Signing.PublicKey {
        try P256.Signing.PublicKey(
            pemRepresentation: installation.registry.tenant(slug: access.tenant.slug).keyAuthority)
    }

    /// By what the Key Authority of a tenant proves itself, where it runs on a machine of its own.
    func keyAuthorityAssertion(of access: TenantAccess) async throws -> String {
        let tenant = try installation.registry.tenant(slug: access.tenant.slug)
        return try await ClientAssertion.make(
            key: .memory(try installation.keyAuthorityKey(of: tenant)), connector: tenant.id,
            tenantURL: "https://localhost:8443", trustDomain: "postern.test", now: now,
            nonce: (0..<16).map { _ in UInt8.random(in: 0...255) }
        ).reveal()
    }
}
