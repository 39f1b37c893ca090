extension HTTPHeaderField {
    /// The fields that belong to one connection and are not relayed (RFC 9110 section 7.6.1).
    private static let hopByHop: Set<String> = [
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade",
    ]

    /// Leaves out the fields of the connection: the standard ones and those that `Connection` names.
    public static func endToEnd(_ fields: [HTTPHeaderField]) -> [HTTPHeaderField] {
        var dropped = hopByHop
        for field in fields where field.isNamed("connection") {
            for name in field.value.split(separator: ",") {
                dropped.insert(name.lowercased().filter { !$0.isWhitespace })
            }
        }
        return fields.filter { !dropped.contains($0.name.lowercased()) }
    }

    /// Compares the name with a lower-case one, without regard to case (RFC 9110 section 5.1).
    public func isNamed(_ lowercased: String) -> Bool {
        name.utf8.count == lowercased.utf8.count
            && zip(name.utf8, lowercased.utf8).allSatisfy { own, other in
                own == other || (own | 0x20 == other && (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(other))
            }
    }
}
