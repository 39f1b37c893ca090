/// A call of a service, as `posternctl call` makes it.
struct ServiceCall: Sendable {
    var group: String
    var service: String
    var path: String
    var method: String
    var headers: [(String, String)]
    var body: [UInt8]
    var deadline: String?
    var requestClass: String?
}

/// The answer to a call.
struct ServiceAnswer: Sendable {
    var status: Int
    var headers: [(String, String)]
    var body: [UInt8]

    /// The first value of a field, by its name in any case.
    func header(_ name: String) -> String? {
        headers.first { $0.0.lowercased() == name.lowercased() }?.1
    }

    /// The answer for programs.
    var described: Described {
        let text = String(validating: body, as: UTF8.self)
        return Described(
            status: status, headers: Dictionary(headers.map { ($0.0.lowercased(), $0.1) }) { "\($0), \($1)" },
            body: text, bodyBytes: text == nil ? body : nil)
    }

    /// What `--output json` prints.
    struct Described: Encodable {
        var status: Int
        var headers: [String: String]
        var body: String?
        var bodyBytes: [UInt8]?

        enum CodingKeys: String, CodingKey {
            case status, headers, body
            case bodyBytes = "body_bytes"
        }
    }
}
