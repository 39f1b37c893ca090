internal import Crypto
public import Foundation
internal import IdentityStore
internal import MachineIdentity

extension Installation {
    /// The keys that sign queue credentials, the newest first.
    public func tokenKeys() throws -> [TokenKey] { try registry.keptTokenKeys() }

    /// Makes the next key of queue credentials; works while the port serves, and no credential is refused on the way.
    ///
    /// It is published now and signs after `lead`; the present one counts until its last credential has ended. Without
    /// a lead (after a theft) the new key signs at once, and what the others signed counts no more.
    ///
    /// - Throws: `invalidArgument` for a lead that is shorter than the published keys may be kept; `alreadyExists`
    ///   while a key waits for its time.
    public func rotateTokenKey(lead: TimeInterval?, now: Date) throws -> TokenKey {
        let shortest = TokenKey.cacheLife + TokenKey.tolerance
        if let lead, lead < shortest {
            throw EnrollmentServiceError(
                .invalidArgument,
                "A key needs to be published \(Int(shortest)) s before it signs, as long as others may keep the old"
                    + " list; after a theft take --at-once.")
        }
        let key = MachineKey()
        let id = TokenKey.thumbprint(of: key.publicKey)
        let signsFrom = now.addingTimeInterval(lead ?? 0)
        let next = TokenKey(
            publicKey: key.publicKey, file: "token-\(id).key", publishedAt: now, signsFrom: signsFrom)
        let othersEnd = lead == nil ? now : signsFrom.addingTimeInterval(QueueTokens.life + TokenKey.tolerance)
        // The file comes first: a file without its row harms nobody, a row without its file signs nothing.
        _ = try folder.writeOnce(Array(key.pem().reveal().utf8), to: next.file)
        let ended: [TokenKey]
        do { ended = try registry.publishTokenKey(next, othersEnd: othersEnd, at: now) } catch {
            try folder.remove(next.file)
            throw error
        }
        for key in ended { try folder.remove(key.file) }
        return next
    }

    /// Takes the key over that `init` made, in an installation that has not named its keys yet.
    static func adoptTokenKey(pem: String, registry: Registry) throws {
        guard let key = try? P256.Signing.PrivateKey(pemRepresentation: pem) else {
            throw EnrollmentServiceError(.unreadable, "\(File.tokenKey) is no private key on P-256 in PEM.")
        }
        let begin = Date(timeIntervalSince1970: 0)
        try registry.adoptTokenKey(
            TokenKey(publicKey: key.publicKey, file: File.tokenKey, publishedAt: begin, signsFrom: begin))
    }
}
