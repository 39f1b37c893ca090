import Foundation

/// What Documentation/vectors/suite-N.json holds: everything sealed once, with all keys, as hexadecimal digits.
struct SealingVectors: Codable {
    struct KeyPair: Codable {
        var `private`: String
        var `public`: String
    }

    struct Member: Codable {
        var name: String
        var id: String
        var role: Int
        var boot: String
        var identity: KeyPair
        var hpke: KeyPair
    }

    struct Epoch: Codable {
        var tenant: String
        var group: String
        var number: UInt32
        var previous: String
        var notBefore: UInt64
        var notAfter: UInt64
        var core: String
        var coreHash: String
        var secret: String
        var prk: String
        var manifest: String
    }

    struct SenderKey: Codable {
        var label: String
        var sender: String
        var boot: String
        var key: String
    }

    struct Message: Codable {
        var name: String
        var header: String
        var body: String
        var messageKey: String
        var commitment: String
        var message: String
    }

    struct Session: Codable {
        var connector: String
        var dispatcher: String
        var info: String
        var hello: Message
        var encapsulatedKey: String
        var toDispatcher: String
        var toConnector: String
        var fromConnector: [Message]
        var fromDispatcher: [Message]
    }

    struct Statements: Codable {
        var hpkeKeyOf: String
        var hpkeKey: String
        var root: String
        var newKey: String
        var succession: String
    }

    struct Refused: Codable {
        var name: String
        /// "group", or "session" for what the connector is said to have said.
        var place: String
        var message: String
        var reason: String
    }

    var about: String
    var suite: Int
    var now: UInt64
    var keyAuthority: KeyPair
    var members: [Member]
    var epoch: Epoch
    var senderKeys: [SenderKey]
    var groupMessages: [Message]
    var session: Session
    var statements: Statements
    var refused: [Refused]

    /// Where they lie in the tree.
    static func file(suite: Int) -> URL {
        URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../../Documentation/vectors/suite-\(suite).json").standardizedFileURL
    }

    static func load(suite: Int) throws -> SealingVectors {
        try JSONDecoder().decode(SealingVectors.self, from: Data(contentsOf: file(suite: suite)))
    }

    func save() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try (encoder.encode(self) + Data("\n".utf8)).write(to: Self.file(suite: suite))
    }
}
