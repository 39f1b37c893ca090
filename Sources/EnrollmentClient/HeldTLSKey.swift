internal import Crypto
internal import MachineIdentity
internal import NIOCore
internal import NIOSSL

/// A key that something else holds, as a TLS handshake signs with it: away from the event loop.
struct HeldTLSKey: NIOSSLCustomPrivateKey, Hashable {
    struct Unsupported: Error {}

    let key: any HeldKey

    var signatureAlgorithms: [SignatureAlgorithm] { [.ecdsaSecp256R1Sha256] }

    func sign(
        channel: any Channel, algorithm: SignatureAlgorithm, data: ByteBuffer
    ) -> EventLoopFuture<ByteBuffer> {
        guard algorithm == .ecdsaSecp256R1Sha256 else { return channel.eventLoop.makeFailedFuture(Unsupported()) }
        let key = key
        return channel.eventLoop.makeFutureWithTask {
            ByteBuffer(bytes: try await key.signature(for: Array(data.readableBytesView)).derRepresentation)
        }
    }

    func decrypt(channel: any Channel, data: ByteBuffer) -> EventLoopFuture<ByteBuffer> {
        channel.eventLoop.makeFailedFuture(Unsupported())
    }

    static func == (left: Self, right: Self) -> Bool { left.key.place == right.key.place }
    func hash(into hasher: inout Hasher) { hasher.combine(key.place) }
}
