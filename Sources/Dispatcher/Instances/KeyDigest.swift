internal import Crypto
internal import RelayFormat

/// An idempotency key with its scope, as a digest: what decides at which instance it is at home.
struct KeyDigest: Sendable, Hashable {
    let bytes: [UInt8]

    init(tenant: TenantID, caller: String, service: String, key: String) {
        var writer = ByteWriter(capacity: 64 + key.utf8.count)
        writer.write(tenant)
        for part in [caller, service, key] { writer.write(block: Array(part.utf8)) }
        bytes = Array(SHA256.hash(data: writer.finish()))
    }

    /// How much an instance is worth to the key: the one with the most is its home (rendezvous hashing).
    func score(of instance: MemberID) -> UInt64 {
        var writer = ByteWriter(capacity: 48)
        writer.write(raw: bytes)
        writer.write(instance)
        return SHA256.hash(data: writer.finish()).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
}
