/// What a client shows to be let in.
public struct LinkCredential: Sendable, Equatable, CustomStringConvertible {
    /// The queue credential.
    public var token: String
    /// What proves, over the server's nonce, that the client holds the key that the token names.
    public var proof: [UInt8]

    /// Makes a credential.
    public init(token: String, proof: [UInt8]) {
        self.token = token
        self.proof = proof
    }

    public var description: String { "***" }
}
