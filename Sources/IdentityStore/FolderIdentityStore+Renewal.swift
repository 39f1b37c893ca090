internal import EnrollmentProtocol
internal import Failpoints
internal import Foundation
public import MachineIdentity

/// The files of a renewal: `renewal-key.pem` from the making of the new key on, `renewal.json` from the answer on.
///
/// `renewal.json` that says `is_confirmed` decides: from then on it is the identity, whatever the other files say, and
/// they follow one by one. A kill between any two writes leaves a state that the next start understands.
extension FolderIdentityStore {
    static let renewalKeyFile = "renewal-key.pem"
    static let renewalFile = "renewal.json"

    struct StoredRenewal: Codable {
        var record: StoredIdentity
        var certificates: String
        var isConfirmed: Bool

        enum CodingKeys: String, CodingKey {
            case record, certificates
            case isConfirmed = "is_confirmed"
        }
    }

    /// The renewal that has begun and is not over; nil if there is none.
    public func pendingRenewal() throws(IdentityStoreError) -> PendingRenewal? {
        guard folder.exists, let key = try readKey(Self.renewalKeyFile) else { return nil }
        guard let stored = try storedRenewal() else {
            // What a kill left of a renewal that is over.
            if try readKey(Self.keyFile)?.fingerprint == key.fingerprint { return nil }
            return PendingRenewal(key: key)
        }
        return PendingRenewal(key: key, renewed: try identity(of: stored, key: key), isConfirmed: stored.isConfirmed)
    }

    /// Removes what a kill has left of a renewal that is over.
    public func tidyRenewal() throws(IdentityStoreError) {
        guard folder.exists else { return }
        try folder.removeLeftovers(of: [
            Self.keyFile, Self.certificateFile, Self.identityFile, Self.renewalKeyFile, Self.renewalFile,
            Self.historyFile, Self.hpkeFile, Self.epochsFile,
        ])
        guard try pendingRenewal().map(\.isConfirmed) == nil,
            // A key that was to be made when the process was killed is made, or found, by the next renewal.
            try reservedPlace(in: Self.renewalKeyFile) == nil
        else { return }
        try folder.remove(Self.renewalKeyFile)
    }

    /// Makes the key of a renewal and flushes it; the one that is pending, if there is one.
    ///
    /// It is made where the present key is: in the folder, or in the same token.
    public func beginRenewal() throws(IdentityStoreError) -> IdentityKey {
        if let pending = try pendingRenewal() { return pending.key }
        try folder.remove(Self.renewalFile)
        if try reservedPlace(in: Self.renewalKeyFile) == nil { try folder.remove(Self.renewalKeyFile) }
        return try makeKey(in: Self.renewalKeyFile, at: try place(in: Self.keyFile))
    }

    /// Keeps the tenant's answer; the old certificate still counts.
    public func keep(_ renewed: LoadedIdentity) throws(IdentityStoreError) {
        Failpoint.reach(.identityAnswerBefore)
        var renewed = renewed
        // It may have got a successor while the renewal was under way.
        if let authority = try storedRecord()?.keyAuthority { renewed.record.keyAuthority = authority }
        try write(renewed, isConfirmed: false)
        Failpoint.reach(.identityAnswerAfter)
    }

    /// Forgets the tenant's answer, and keeps the key for another.
    public func discardRenewal() throws(IdentityStoreError) {
        try folder.remove(Self.renewalFile)
    }

    /// From here on the new certificate counts.
    public func confirmRenewal() throws(IdentityStoreError) {
        guard let pending = try pendingRenewal(), let renewed = pending.renewed else {
            throw damaged("\(Self.renewalFile) is missing")
        }
        try write(renewed, isConfirmed: true)
        Failpoint.reach(.identityConfirmAfter)
    }

    /// Puts what was confirmed into its place, which erases the old key.
    ///
    /// - Returns: the identity from now on.
    public func promoteRenewal() throws(IdentityStoreError) -> LoadedIdentity {
        guard let pending = try pendingRenewal(), let renewed = pending.renewed, pending.isConfirmed else {
            throw damaged("\(Self.renewalFile) is missing or not confirmed")
        }
        // While the file still names it. Once more after a kill, the old key is not there, which is no failure.
        if try readKey(Self.keyFile)?.fingerprint != renewed.key.fingerprint { try destroyKey(in: Self.keyFile) }
        Failpoint.reach(.identityPromoteBegin)
        try folder.write(Self.text(of: renewed.key).utf8, to: Self.keyFile)
        Failpoint.reach(.identityPromoteKey)
        try folder.write(CertificatePEM.encode(renewed.certificates).utf8, to: Self.certificateFile)
        Failpoint.reach(.identityPromoteCertificate)
        try folder.write(text(of: renewed.record), to: Self.identityFile)
        Failpoint.reach(.identityPromoteRecord)
        try folder.remove(Self.renewalFile)
        Failpoint.reach(.identityPromoteEnd)
        try folder.remove(Self.renewalKeyFile)
        return renewed
    }

    /// The identity of a renewal that was confirmed and not promoted yet; nil if there is none.
    func confirmedIdentity() throws(IdentityStoreError) -> LoadedIdentity? {
        guard let stored = try storedRenewal(), stored.isConfirmed else { return nil }
        guard let key = try readKey(Self.renewalKeyFile) else { throw damaged("\(Self.renewalKeyFile) is missing") }
        return try identity(of: stored, key: key)
    }

    func storedRenewal() throws(IdentityStoreError) -> StoredRenewal? {
        guard let bytes = try folder.read(Self.renewalFile) else { return nil }
        guard let stored = try? EnrollmentJSON.decode(StoredRenewal.self, from: Data(bytes)) else {
            throw damaged("\(Self.renewalFile) cannot be understood")
        }
        return stored
    }

    private func identity(of stored: StoredRenewal, key: IdentityKey) throws(IdentityStoreError) -> LoadedIdentity {
        guard let certificates = try? CertificatePEM.decode(stored.certificates),
            (try? KeyFingerprint(ofKeyInCertificate: certificates[0])) == key.fingerprint
        else { throw damaged("\(Self.renewalFile) does not belong to \(Self.renewalKeyFile)") }
        return LoadedIdentity(record: stored.record, key: key, certificates: certificates)
    }

    private func write(_ renewed: LoadedIdentity, isConfirmed: Bool) throws(IdentityStoreError) {
        let stored = StoredRenewal(
            record: renewed.record, certificates: CertificatePEM.encode(renewed.certificates),
            isConfirmed: isConfirmed)
        try folder.write(text(of: stored), to: Self.renewalFile)
    }
}
