internal import Crypto
internal import MachineIdentity
internal import Synchronization

/// A key in a token, for signing.
final class TokenKey: HeldKey {
    let publicKey: P256.Signing.PublicKey
    let place: String
    private let uri: TokenURI
    private let id: [UInt8]
    private let pin: TokenPIN
    private let module: CryptokiModule
    private let patience: Duration
    private let failure = Mutex<TokenKeyError?>(nil)

    init(
        _ uri: TokenURI, id: [UInt8], place: String, publicKey: P256.Signing.PublicKey, pin: TokenPIN, in file: String,
        patience: Duration
    ) {
        self.uri = uri
        self.id = id
        self.place = place
        self.publicKey = publicKey
        self.pin = pin
        module = .at(file)
        self.patience = patience
    }

    var lastFailure: (any HeldKeyFailure)? { failure.withLock { $0 } }

    func signature(for bytes: [UInt8]) async throws -> P256.Signing.ECDSASignature {
        let digest = SHA256.hash(data: bytes)
        do {
            let id = id
            let raw = try await module.run(uri, pin, limit: patience) { try $0.sign(digest, with: id) }
            // A token that was exchanged, or that fails, must not say in our name what nobody could check.
            guard let signature = try? P256.Signing.ECDSASignature(rawRepresentation: raw),
                publicKey.isValidSignature(signature, for: digest)
            else {
                throw TokenKeyError(
                    .keyUnsuitable,
                    "the token \(uri.name) signs with another key than this machine was registered with",
                    remedy: "Look whether it is the right token; else: postern register --replace, with a new "
                        + "invitation.")
            }
            failure.withLock { $0 = nil }
            return signature
        } catch {
            let known =
                error as? TokenKeyError
                ?? TokenKeyError(.refused, "the token \(uri.name) failed: \(error)", remedy: "Look into its own log.")
            failure.withLock { $0 = known }
            throw known
        }
    }
}
