import CertificateAuthority
import Crypto
import EnrollmentClient
import EnrollmentProtocol
import Foundation
import HTTPProblems
import IdentityStore
import MachineIdentity
import RelayFormat
import RelaySealing
import Synchronization

/// The sealing side of a tenant, as small as it can be: one connector, one group, and whatever it is told to answer.
final class SealingTenant: Sendable {
    struct State {
        var keys: [Int: HPKEKeyRequest] = [:]
        var puts = 0
        var manifest: EpochManifest?
        var authority: KeyAuthorityAnswer?
        var refusesPuts = false
        /// Cuts an epoch for each X25519 key that is not the one before.
        var signer: P256.Signing.PrivateKey?
    }

    let installation: TestInstallation
    let tenant = TenantID.random()
    let group = GroupID.random()
    let member = MemberID.random()
    let key = MachineKey()
    let authority = P256.Signing.PrivateKey()
    let state = Mutex(State())

    init(_ installation: TestInstallation) { self.installation = installation }

    /// The identity of the connector, saved in a state folder.
    func identity(port: Int, in store: FolderIdentityStore) throws -> LoadedIdentity {
        try store.prepare()
        try FileManager.default.removeIfThere(store.path + "/key.pem")
        try key.pem().reveal().write(toFile: store.path + "/key.pem", atomically: true, encoding: .utf8)
        chmod(store.path + "/key.pem", 0o600)
        let issued = try installation.authority.issueMachineCertificate(
            publicKey: key.publicKey,
            name: MachineName(
                trustDomain: "example.org", tenant: "acme", account: "gw", connector: member.description),
            now: Date(), serial: .random())
        let certificates = [issued.der, installation.authority.intermediateCertificate, installation.root]
        let record = StoredIdentity(
            connectorID: member.description, tenant: TenantReference(id: tenant.description, slug: "acme"),
            account: "gw", groups: [GroupReference(id: group.description, name: "site")], trustDomain: "example.org",
            tenantURL: "https://127.0.0.1:\(port)",
            serverTrust: .installation(rootPEM: CertificatePEM.encode([installation.root])), serverIssuerPin: nil,
            authorityPin: try installation.rootPin, keyAuthority: Self.reference(authority.publicKey), generation: 1,
            notAfter: issued.notAfter, renewAt: issued.notAfter, registeredAt: Date(), invitationDigest: "00")
        try store.save(record, certificates: certificates)
        return LoadedIdentity(record: record, key: .memory(key), certificates: certificates)
    }

    static func reference(_ key: P256.Signing.PublicKey) -> KeyAuthorityReference {
        KeyAuthorityReference(pin: Pin(publicKeyDER: key.derRepresentation), publicKey: key.pemRepresentation)
    }

    /// An epoch of the group with the connector's present keys.
    func epoch(
        _ number: UInt32, previous: CoreHash = .none, signer: P256.Signing.PrivateKey? = nil, tenant: TenantID? = nil,
        group: GroupID? = nil, suite: SealingSuite = .x25519
    ) throws -> EpochManifest {
        let kept = state.withLock { $0.keys[Int(suite.rawValue)]?.key } ?? Data()
        let member = EpochMember(
            id: member, role: .connector, identityKey: key.publicKey,
            hpkeKey: try HPKEPublicKey(suite: suite, rawRepresentation: Array(kept)))
        let core = try EpochCore(
            suite: suite, tenant: tenant ?? self.tenant, group: group ?? self.group, number: number,
            previous: previous, notBefore: RelayTime(milliseconds: 1000), notAfter: .never, members: [member])
        return try EpochManifest.make(core, secret: EpochSecret(), signer: signer ?? authority)
    }

    func publish(_ manifest: EpochManifest) { state.withLock { $0.manifest = manifest } }

    func answer(_ request: TestServer.Received) -> TestServer.Reply {
        do {
            switch (request.method, request.path) {
            case ("PUT", APIPath.hpkeKeys):
                let body = try EnrollmentJSON.decodeStrictly(HPKEKeyRequest.self, from: Data(request.body.utf8))
                let statement = try HPKEKeyStatement(decoding: [UInt8(body.suite)] + body.key + body.signature)
                try statement.verify(tenant: tenant, member: member, identityKey: key.publicKey)
                let (isRefused, signer) = state.withLock { state in
                    if state.refusesPuts { return (true, P256.Signing.PrivateKey?.none) }
                    let isNew = body.suite == 1 && state.keys[1]?.key != body.key
                    state.keys[body.suite] = body
                    state.puts += 1
                    return (false, isNew ? state.signer : nil)
                }
                if isRefused { return try Self.problem(.notReady) }
                if let signer {
                    let last = state.withLock { $0.manifest?.core }
                    publish(
                        try epoch((last?.number ?? 999) + 1, previous: last?.hash ?? .none, signer: signer))
                }
                return .init(status: 204)
            case ("GET", "/v1/groups/\(group)/epochs/current"):
                guard let manifest = state.withLock({ $0.manifest }) else { return try Self.problem(.notFound) }
                let tag = "\"" + manifest.core.hash.bytes.map { String(format: "%02x", $0) }.joined() + "\""
                if request.headers["if-none-match"] == tag { return .init(status: 304) }
                return .init(body: manifest.encoded)
            case ("GET", APIPath.keyAuthority):
                let answer = state.withLock { $0.authority }
                return .init(
                    body: Array(
                        try EnrollmentJSON.encode(
                            answer
                                ?? KeyAuthorityAnswer(
                                    keyAuthority: Self.reference(authority.publicKey), successions: []))))
            default: return try Self.problem(.notFound)
            }
        } catch {
            return .init(status: 500, body: Array("\(error)".utf8))
        }
    }

    private static func problem(_ problem: EnrollmentProblem) throws -> TestServer.Reply {
        let details = ProblemDetails(
            code: problem.rawValue, title: problem.title, status: problem.status, detail: problem.title,
            retryable: problem.isRetryable)
        return .init(status: problem.status, body: Array(try JSONEncoder().encode(details)))
    }
}

extension FileManager {
    func removeIfThere(_ path: String) throws { if fileExists(atPath: path) { try removeItem(atPath: path) } }
}
