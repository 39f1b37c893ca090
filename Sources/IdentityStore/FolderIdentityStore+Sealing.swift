public import EnrollmentProtocol
internal import Failpoints
internal import Foundation
internal import RelayFormat
public import RelaySealing

/// What a member needs to seal: its HPKE keys (`hpke.key`), and the newest epoch of each group (`epochs.json`).
extension FolderIdentityStore {
    static let hpkeFile = "hpke.key"
    static let epochsFile = "epochs.json"

    private struct StoredMark: Codable {
        var tenant: String
        var group: String
        var epoch: UInt32
        var core: String

        enum CodingKeys: String, CodingKey { case tenant, group, epoch, core }

        init(_ mark: EpochMark) {
            tenant = mark.tenant.description
            group = mark.group.description
            epoch = mark.number
            core = Base32.text(of: mark.hash.bytes)
        }

        var mark: EpochMark? {
            guard let tenant = TenantID(tenant), let group = GroupID(group), let bytes = Base32.bytes(of: core),
                let hash = CoreHash(bytes)
            else { return nil }
            return EpochMark(tenant: tenant, group: group, number: epoch, hash: hash)
        }
    }

    /// The private HPKE keys.
    public var hpkeKeys: HPKEKeyFile { HPKEKeyFile(Self.hpkeFile, in: folder) }

    /// The newest epoch of each group that this member has seen; nothing older is ever used again.
    public func rememberedEpochs() throws(IdentityStoreError) -> [EpochMark] {
        guard folder.exists, let bytes = try folder.read(Self.epochsFile) else { return [] }
        // Without what is remembered an old epoch could come back, so nothing is guessed.
        guard let stored = try? EnrollmentJSON.decode([StoredMark].self, from: Data(bytes)) else {
            throw damaged("\(Self.epochsFile) cannot be understood")
        }
        var marks: [EpochMark] = []
        for entry in stored {
            guard let mark = entry.mark else { throw damaged("\(Self.epochsFile) cannot be understood") }
            marks.append(mark)
        }
        return marks
    }

    /// Remembers an epoch, which is on disk when this returns.
    ///
    /// - Returns: whether it is the newest of its group now; one that is older than what is remembered changes nothing.
    @discardableResult
    public func remember(_ mark: EpochMark) throws(IdentityStoreError) -> Bool {
        var marks = try rememberedEpochs()
        if let place = marks.firstIndex(where: { $0.tenant == mark.tenant && $0.group == mark.group }) {
            if marks[place] == mark { return true }
            guard marks[place].number < mark.number else { return false }
            marks[place] = mark
        } else {
            marks.append(mark)
        }
        try folder.write(text(of: marks.map(StoredMark.init)), to: Self.epochsFile)
        return true
    }

    /// Keeps another key of the tenant's Key Authority, which has been found to be the successor of the known one.
    ///
    /// A renewal that is under way is told as well, so that its end does not bring the old one back.
    public func adopt(_ authority: KeyAuthorityReference) throws(IdentityStoreError) {
        Failpoint.reach(.authorityAdoptBefore)
        if var stored = try storedRenewal() {
            stored.record.keyAuthority = authority
            try folder.write(text(of: stored), to: Self.renewalFile)
        }
        guard var record = try storedRecord() else { throw damaged("\(Self.identityFile) is missing") }
        record.keyAuthority = authority
        try folder.write(text(of: record), to: Self.identityFile)
    }
}
