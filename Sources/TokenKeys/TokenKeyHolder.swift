public import Crypto
public import MachineIdentity

/// Keeps identity keys in tokens that speak PKCS#11: HSMs, smart cards, TPMs.
public struct TokenKeyHolder: KeyHolder {
    /// The variable that names where a new key is made, and says anew where module and PIN of an old one are.
    public static let variable = "POSTERN_KEY"
    private static let usualLabel = "postern"
    private static let idLength = 16

    private let environment: [String: String]
    private let patience: Duration

    /// Takes PINs, and where modules and PINs are now, from an environment.
    ///
    /// - Parameter patience: how long a token may take for an answer.
    public init(environment: [String: String], patience: Duration = .seconds(30)) {
        self.environment = environment
        self.patience = patience
    }

    public func recognises(_ text: String) -> Bool { text.hasPrefix(TokenURI.scheme) }

    /// Reads where keys shall be made, as a person has said it.
    ///
    /// - Returns: the same place in the words in which it is kept.
    public func placeForNewKeys(_ text: String) throws(TokenKeyError) -> String {
        var (uri, _) = try located(text)
        guard uri.id == nil else {
            throw TokenKeyError(
                .invalidURI, "\(uri) names a key that is there already",
                remedy: "Leave 'id' out: the key is made in the token, and its id with it.")
        }
        uri.object = uri.object ?? Self.usualLabel
        return uri.description
    }

    public func check(_ place: String) throws {
        let (uri, file) = try located(place)
        try CryptokiModule.at(file).runBlocking(uri, pin(uri), limit: patience) { try $0.check() }
    }

    public func newPlace(at place: String) throws -> String {
        var uri = try TokenURI(place)
        var generator = SystemRandomNumberGenerator()
        uri.id = (0..<Self.idLength).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        return uri.description
    }

    public func makeKey(_ place: String) throws -> P256.Signing.PublicKey {
        let (uri, file) = try located(place)
        let id = try id(uri)
        let label = uri.object ?? Self.usualLabel
        return try CryptokiModule.at(file).runBlocking(uri, pin(uri), limit: patience) { try $0.make(id, label: label) }
    }

    public func key(_ place: String, publicKey: P256.Signing.PublicKey) throws -> any HeldKey {
        let (uri, file) = try located(place)
        return TokenKey(
            uri, id: try id(uri), place: place, publicKey: publicKey, pin: pin(uri), in: file, patience: patience)
    }

    public func destroyKey(_ place: String) throws {
        let (uri, file) = try located(place)
        let id = try id(uri)
        try CryptokiModule.at(file).runBlocking(uri, pin(uri), limit: patience) { try $0.destroy(id) }
    }

    private func pin(_ uri: TokenURI) -> TokenPIN { TokenPIN(source: uri.pinSource, environment: environment) }

    private func id(_ uri: TokenURI) throws(TokenKeyError) -> [UInt8] {
        guard let id = uri.id else {
            throw TokenKeyError(
                .invalidURI, "\(uri) names no key", remedy: "Bring the state folder back from a backup.")
        }
        return id
    }

    /// A place, with module and PIN where they are now.
    private func located(_ place: String) throws(TokenKeyError) -> (TokenURI, modulePath: String) {
        var uri = try TokenURI(place)
        if let text = environment[Self.variable], recognises(text) {
            let now = try TokenURI(text)
            if now.token == uri.token, now.slot == uri.slot {
                uri.modulePath = now.modulePath ?? uri.modulePath
                uri.pinSource = now.pinSource ?? uri.pinSource
            }
        }
        guard let file = uri.modulePath else { throw noModule(uri) }
        return (uri, file)
    }

    private func noModule(_ uri: TokenURI) -> TokenKeyError {
        TokenKeyError(
            .invalidURI, "\(uri) does not say by which module the token is reached",
            remedy: "Add ?module-path=/path/of/module.so to it, as /usr/lib/softhsm/libsofthsm2.so.")
    }
}
