public import RelayFormat

/// The algorithms of an epoch, named by its manifest, so that nobody on the way can negotiate them down.
///
/// Both derive with HKDF-SHA256, seal with AES-256-GCM and sign with ECDSA P-256; they differ in how a secret reaches
/// another member.
public enum SealingSuite: UInt8, Sendable, CaseIterable {
    /// X25519: RFC 9180 with DHKEM(X25519, HKDF-SHA256).
    case x25519 = 1
    /// X-Wing, ML-KEM-768 together with X25519: what is recorded today stays secret from a quantum computer.
    case xWing = 2

    /// How the header of a message names the suite.
    public var inHeader: RelayHeader.Suite {
        switch self {
        case .x25519: .x25519
        case .xWing: .xWing
        }
    }

    /// How many bytes a public HPKE key has.
    public var publicKeySize: Int {
        switch self {
        case .x25519: 32
        case .xWing: 1216
        }
    }

    /// How many bytes an encapsulated key has.
    public var encapsulatedKeySize: Int {
        switch self {
        case .x25519: 32
        case .xWing: 1120
        }
    }
}
