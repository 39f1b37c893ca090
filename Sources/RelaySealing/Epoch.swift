public import Crypto
private import struct Foundation.Data
public import RelayFormat
internal import Synchronization

/// An epoch that a member has opened: it seals and opens the messages of the group.
///
/// Its keys are zeroed when the object goes, so a member forgets an epoch by letting go of it.
public final class Epoch: Sendable {
    private struct Name: Hashable {
        var label: Label
        var sender: MemberID
        var boot: BootID
    }

    enum Label: String {
        case request
        case beat
    }

    /// The most senders whose keys are kept at hand.
    private static let mostSenders = 1024

    /// What the epoch is.
    public let core: EpochCore
    /// Who opened it.
    public let member: EpochMember
    private let key: HPKEPrivateKey
    private let root: SymmetricKey
    private let senders = Mutex<[Name: SenderKey]>([:])

    /// Opens a manifest.
    ///
    /// - Throws: `keyAuthority` when it is not signed by that key, `notAMember` when the member is not in it,
    ///   `unknownEpoch` when it was sealed to another HPKE key of the member, `decryption` when the secret is damaged.
    public convenience init(
        opening manifest: EpochManifest, as id: MemberID, with key: HPKEPrivateKey,
        keyAuthority: P256.Signing.PublicKey
    ) throws(SealingError) {
        try self.init(opening: manifest.verified(by: keyAuthority), as: id, with: key)
    }

    /// Opens a manifest whose signature has been checked.
    ///
    /// - Throws: `notAMember`, `unknownEpoch`, `decryption`.
    public init(
        opening verified: VerifiedManifest, as id: MemberID, with key: HPKEPrivateKey
    ) throws(SealingError) {
        let manifest = verified.manifest
        core = manifest.core
        guard let position = core.position(of: id) else { throw SealingError(.notAMember, "the epoch is of others") }
        member = core.members[position]
        guard member.hpkeKey == key.publicKey else {
            throw SealingError(.unknownEpoch, "the epoch was sealed to another HPKE key of this member")
        }
        self.key = key
        let sealed = manifest.sealedSecrets[position]
        let size = core.suite.encapsulatedKeySize
        var recipient = try key.recipient(encapsulated: sealed.prefix(size), info: core.hash.bytes)
        guard var secret = try? recipient.open(sealed.dropFirst(size), authenticating: id.bytes) else {
            throw SealingError(.decryption, "the epoch's secret does not open")
        }
        defer { secret.resetBytes(in: secret.startIndex..<secret.endIndex) }
        root = SymmetricKey(
            data: HKDF<SHA256>.extract(inputKeyMaterial: SymmetricKey(data: secret), salt: core.hash.bytes))
    }

    /// The key of one sender's messages, and whether it is at hand already.
    ///
    /// It is kept at hand only when `keep` is called with it, after a signature was found to be right: what a broker
    /// makes up takes no room.
    func senderKey(
        _ kind: MessageKind, _ sender: MemberID, _ boot: BootID
    ) -> (key: SenderKey, isKept: Bool) {
        let name = Name(label: kind == .beat ? .beat : .request, sender: sender, boot: boot)
        if let known = senders.withLock({ $0[name] }) { return (known, true) }
        let key = HKDF<SHA256>.expand(
            pseudoRandomKey: root, info: Array(name.label.rawValue.utf8) + sender.bytes + boot.bytes,
            outputByteCount: 32)
        return (SenderKey(key), false)
    }

    func keep(_ senderKey: SenderKey, _ kind: MessageKind, _ sender: MemberID, _ boot: BootID) {
        let name = Name(label: kind == .beat ? .beat : .request, sender: sender, boot: boot)
        senders.withLock { senders in
            guard senders[name] == nil else { return }
            if senders.count >= Self.mostSenders { senders.removeAll(keepingCapacity: true) }
            senders[name] = senderKey
        }
    }

    /// How many senders' keys are kept at hand.
    var sendersAtHand: Int { senders.withLock { $0.count } }

    func recipient(encapsulated: [UInt8], info: [UInt8]) throws(SealingError) -> HPKE.Recipient {
        try key.recipient(encapsulated: encapsulated, info: info)
    }

    /// Writes into a header what messages of this epoch have in it.
    public func stamp(_ header: inout RelayHeader) {
        header.suite = core.suite.inHeader
        header.tenant = core.tenant
        header.group = core.group
        header.epoch = core.number
    }

    /// Checks that a header is of this epoch, and that the epoch counts.
    ///
    /// - Throws: `foreignTenant`, `foreignGroup`, `unknownEpoch`, `wrongSuite`, `expiredEpoch`.
    func check(_ header: RelayHeader, at now: RelayTime) throws(SealingError) {
        guard header.tenant == core.tenant else { throw SealingError(.foreignTenant, "another tenant's message") }
        guard header.group == core.group else { throw SealingError(.foreignGroup, "another group's message") }
        guard header.epoch == core.number else { throw SealingError(.unknownEpoch, "a message of another epoch") }
        guard header.suite == core.suite.inHeader else { throw SealingError(.wrongSuite, "a message of another suite") }
        guard core.isValid(at: now) else { throw SealingError(.expiredEpoch, "the epoch has not begun, or is over") }
    }
}
