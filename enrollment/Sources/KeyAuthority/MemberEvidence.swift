internal import Crypto
public import struct Foundation.Date
public import MachineIdentity
public import RelayFormat
public import RelaySealing

/// What the enrollment service says of a member, with what proves it.
public struct MemberEvidence: Sendable {
    /// Who it is.
    public var id: MemberID
    /// What it may say.
    public var role: MemberRole
    /// The certificate of its identity key in DER; nil for a dispatcher of the installation.
    public var certificate: [UInt8]?
    /// Its identity key, compressed.
    public var identityKey: [UInt8]
    /// Its HPKE key.
    public var hpkeKey: [UInt8]
    /// By what the identity key vouches for it.
    public var signature: [UInt8]
    /// When it stops to belong to the group.
    public var until: RelayTime

    /// Takes what was said.
    public init(
        id: MemberID, role: MemberRole, certificate: [UInt8]?, identityKey: [UInt8], hpkeKey: [UInt8],
        signature: [UInt8], until: RelayTime
    ) {
        self.id = id
        self.role = role
        self.certificate = certificate
        self.identityKey = identityKey
        self.hpkeKey = hpkeKey
        self.signature = signature
        self.until = until
    }
}

/// Believes nothing but proofs: certificates of the installation, statements of their keys, and pinned dispatchers.
public struct EvidencePolicy: Sendable {
    private let tenant: TenantID
    private let slug: String
    private let leaves: MachineLeafPolicy
    private let dispatchers: [MemberID: [UInt8]]

    /// Makes a policy of a tenant.
    ///
    /// - Parameters:
    ///   - slug: the tenant's name in certificates.
    ///   - leaves: which certificates are the installation's.
    ///   - dispatchers: the identity keys of its dispatchers, compressed, as they were pinned.
    public init(tenant: TenantID, slug: String, leaves: MachineLeafPolicy, dispatchers: [MemberID: [UInt8]]) {
        self.tenant = tenant
        self.slug = slug
        self.leaves = leaves
        self.dispatchers = dispatchers
    }

    /// The member, if all that was said of it is proven.
    ///
    /// - Throws: `invalidMember` if it is not.
    public func candidate(
        _ evidence: MemberEvidence, suite: SealingSuite, at now: Date
    ) throws(KeyAuthorityError) -> EpochCandidate {
        var until = evidence.until
        guard let identity = try? P256.Signing.PublicKey(compressedRepresentation: evidence.identityKey) else {
            throw refused(evidence, "its identity key is none")
        }
        switch evidence.role {
        case .dispatcher:
            guard dispatchers[evidence.id] == evidence.identityKey else {
                throw refused(evidence, "it is no dispatcher that is known here")
            }
        case .connector:
            guard let certificate = evidence.certificate else { throw refused(evidence, "it has no certificate") }
            let leaf: MachineLeaf
            do { leaf = try leaves.judge(certificate, at: now) } catch { throw refused(evidence, error.message) }
            guard leaf.name.connector == evidence.id.description, leaf.name.tenant == slug,
                leaf.publicKey == Array(identity.x963Representation)
            else { throw refused(evidence, "its certificate is another one's") }
            let end = RelayTime(milliseconds: UInt64(max(0, leaf.notAfter.timeIntervalSince1970 * 1000)))
            until = min(until, end)
        }
        do {
            let statement = try HPKEKeyStatement(
                decoding: [suite.rawValue] + evidence.hpkeKey + evidence.signature)
            try statement.verify(tenant: tenant, member: evidence.id, identityKey: identity)
        } catch {
            throw refused(evidence, "its HPKE key is not proven: \(error.detail)")
        }
        return EpochCandidate(
            id: evidence.id, role: evidence.role, identityKey: evidence.identityKey, hpkeKey: evidence.hpkeKey,
            until: until)
    }

    private func refused(_ evidence: MemberEvidence, _ reason: String) -> KeyAuthorityError {
        KeyAuthorityError(.invalidMember, "\(evidence.id) is not taken into the epoch: \(reason)")
    }
}
