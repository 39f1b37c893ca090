internal import ArgumentParser
internal import Crypto
internal import Foundation
internal import Logging
internal import PlainRelay
internal import RelayFormat
internal import RelayKeys
internal import RelaySealing
internal import SealedRelay

/// How the messages of a run are sealed; `none` is the floor, which no program can do.
enum SealingOption: String, ExpressibleByArgument, CaseIterable {
    case none
    case x25519
    case xWing = "x-wing"

    var suite: SealingSuite? {
        switch self {
        case .none: nil
        case .x25519: .x25519
        case .xWing: .xWing
        }
    }
}

/// What the connector's process needs to open and seal; handed over in a file, which only a benchmark may do.
struct BenchmarkSealing: Codable {
    private var suite: UInt8
    private var identity: Data
    private var hpke: Data
    private var authority: Data
    private var manifest: Data

    /// Lets a connector into a group, and says with what it seals there.
    init(_ member: MemberID, of group: GroupID, by authority: TestKeyAuthority, suite: SealingSuite) throws {
        let identity = P256.Signing.PrivateKey()
        let hpke = try HPKEPrivateKey(suite: suite)
        try authority.join(member, MemberKeys(identity: identity, hpke: hpke), [group])
        guard let manifest = try authority.manifest(of: group) else {
            throw ValidationError("the authority has cut no epoch")
        }
        self.suite = suite.rawValue
        self.identity = identity.rawRepresentation
        self.hpke = Data(hpke.rawRepresentation)
        self.authority = authority.publicKey.rawRepresentation
        self.manifest = Data(manifest.encoded)
    }

    /// The keyring of the connector's process.
    func keyring(for party: Party, at now: RelayTime) throws -> Keyring {
        guard let suite = SealingSuite(rawValue: suite) else { throw ValidationError("there is no suite \(suite)") }
        let keyring = Keyring(party: party, authority: try P256.Signing.PublicKey(rawRepresentation: authority))
        let keys = MemberKeys(
            identity: try P256.Signing.PrivateKey(rawRepresentation: identity),
            hpke: try HPKEPrivateKey(suite: suite, rawRepresentation: hpke))
        try keyring.install(EpochManifest(decoding: Array(manifest)), with: keys, at: now)
        return keyring
    }
}
