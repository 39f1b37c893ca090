/// Where keys are in a token, as a URI of RFC 7512: `pkcs11:token=postern;object=connector?module-path=…&pin-source=…`.
///
/// What it may say is a closed list: a part that was not understood would name another token than was meant.
public struct TokenURI: Sendable, Equatable, CustomStringConvertible {
    static let scheme = "pkcs11:"
    private static let tokenAttributes = ["token", "manufacturer", "model", "serial"]
    private static let pathAttributes = tokenAttributes + ["object", "id", "type", "slot-id"]
    private static let longest = 2048

    /// What the token must say of itself: label, manufacturer, model, serial number.
    var token: [String: String]
    /// The slot that it must be in; any if nil.
    var slot: UInt?
    /// The label of the key.
    var object: String?
    /// The id of the key; nil for a place where one is to be made.
    var id: [UInt8]?
    /// The module's file.
    var modulePath: String?
    /// The file of the PIN.
    var pinSource: String?

    /// Reads a URI.
    public init(_ text: String) throws(TokenKeyError) {
        guard text.hasPrefix(Self.scheme), text.utf8.count <= Self.longest else {
            throw Self.invalid("it does not begin with 'pkcs11:', or is longer than \(Self.longest) bytes")
        }
        let parts = text.dropFirst(Self.scheme.count).split(
            separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        token = [:]
        var seen: Set<String> = []
        for (name, bytes) in try Self.attributes(parts[0], separator: ";") {
            guard seen.insert(name).inserted else { throw Self.invalid("'\(name)' is there twice") }
            switch name {
            case _ where Self.tokenAttributes.contains(name): token[name] = try Self.text(bytes, of: name)
            case "object": object = try Self.text(bytes, of: name)
            case "id":
                guard !bytes.isEmpty else { throw Self.invalid("'id' is empty") }
                id = bytes
            case "slot-id":
                guard let number = UInt(try Self.text(bytes, of: name)) else {
                    throw Self.invalid("'slot-id' is no number")
                }
                slot = number
            case "type":
                guard try Self.text(bytes, of: name) == "private" else {
                    throw Self.invalid("'type' can only be 'private'")
                }
            default:
                throw Self.invalid(
                    "'\(name)' is not among what it may say: \(Self.pathAttributes.joined(separator: ", "))")
            }
        }
        for (name, bytes) in try Self.attributes(parts.count > 1 ? parts[1] : "", separator: "&") {
            guard seen.insert(name).inserted else { throw Self.invalid("'\(name)' is there twice") }
            switch name {
            case "module-path":
                let path = try Self.text(bytes, of: name)
                guard path.hasPrefix("/") else { throw Self.invalid("'module-path' must begin with /") }
                modulePath = path
            case "pin-source": pinSource = try Self.file(try Self.text(bytes, of: name))
            case "pin-value":
                throw TokenKeyError(
                    .invalidURI, "a PIN in the URI would be seen in lists of processes and kept in the state folder",
                    remedy: "Write it into a file that only the service's user may read, and name that by "
                        + "pin-source=file:/path; or give it by POSTERN_KEY_PIN.")
            default:
                throw Self.invalid("'\(name)' is not among module-path and pin-source, which may follow the '?'")
            }
        }
        guard !token.isEmpty || slot != nil else {
            throw Self.invalid("it names no token (token=LABEL, or serial=NUMBER)")
        }
    }

    /// The URI, with all that it says.
    public var description: String {
        var path = Self.tokenAttributes.compactMap { name in token[name].map { "\(name)=\(Self.escaped($0.utf8))" } }
        if let slot { path.append("slot-id=\(slot)") }
        if let object { path.append("object=\(Self.escaped(object.utf8))") }
        if let id { path.append("id=" + id.map { "%" + Self.hex($0) }.joined()) }
        var query: [String] = []
        if let modulePath { query.append("module-path=\(Self.escaped(modulePath.utf8))") }
        if let pinSource { query.append("pin-source=file:\(Self.escaped(pinSource.utf8))") }
        return Self.scheme + path.joined(separator: ";") + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
    }

    /// The token alone, for texts.
    var name: String {
        let names = Self.tokenAttributes.compactMap { token[$0] }
        return "'\((names + (slot.map { ["slot \($0)"] } ?? [])).joined(separator: ", "))'"
    }

    private static func invalid(_ reason: String) -> TokenKeyError {
        TokenKeyError(
            .invalidURI, "the place of the key cannot be used: \(reason)",
            remedy: "Write it as pkcs11:token=LABEL;object=NAME?module-path=/path/of/module.so&pin-source=file:/path")
    }

    private static func attributes(
        _ part: Substring, separator: Character
    ) throws(TokenKeyError) -> [(name: String, value: [UInt8])] {
        var attributes: [(name: String, value: [UInt8])] = []
        for attribute in part.split(separator: separator) {
            guard let equals = attribute.firstIndex(of: "=") else { throw invalid("'\(attribute)' has no value") }
            attributes.append(
                (String(attribute[..<equals]), try unescaped(attribute[attribute.index(after: equals)...])))
        }
        return attributes
    }

    private static func text(_ bytes: [UInt8], of name: String) throws(TokenKeyError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self), !text.isEmpty, !bytes.contains(where: { $0 < 0x20 })
        else { throw invalid("'\(name)' is empty or no text") }
        return text
    }

    /// The path in `file:/path`, `file:///path` or `/path`.
    private static func file(_ source: String) throws(TokenKeyError) -> String {
        var path = source[...]
        if path.hasPrefix("file:") { path = path.dropFirst(5) }
        if path.hasPrefix("//") { path = path.dropFirst(2) }
        guard path.hasPrefix("/"), !path.hasPrefix("//") else { throw invalid("'pin-source' can only be file:/path") }
        return String(path)
    }

    private static func unescaped(_ text: Substring) throws(TokenKeyError) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16), rest.count >= 2,
                rest.first != UInt8(ascii: "+")
            else { throw invalid("'%' is not followed by two hexadecimal digits") }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return bytes
    }

    private static func escaped(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                String(UnicodeScalar(byte))
            case _ where "-._~/".utf8.contains(byte): String(UnicodeScalar(byte))
            default: "%" + hex(byte)
            }
        }.joined()
    }

    private static func hex(_ byte: UInt8) -> String {
        let text = String(byte, radix: 16, uppercase: true)
        return text.count == 1 ? "0" + text : text
    }
}
