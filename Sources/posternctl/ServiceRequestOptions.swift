internal import ArgumentParser
internal import Foundation

/// What `call` and `submit` ask of a service.
struct ServiceRequestOptions: ParsableArguments {
    @Argument(help: "The group.") var group: String
    @Argument(help: "The service, as the connector's configuration names it.") var service: String
    @Argument(help: "Path and query.") var path: String = "/"
    @Option(name: [.customShort("X"), .long], help: "The method.") var method: String = "GET"
    @Option(
        name: [.customShort("H"), .customLong("header")], help: "A header field, as 'Name: value'; may be repeated.")
    var headers: [String] = []
    @Option(name: .shortAndLong, help: "The body; '@file' reads a file, '@-' standard input.") var data: String?
    @Option(help: "How long it may take, as 5s or 500ms.") var deadline: String?
    @Option(name: .customLong("class"), help: "A stricter side-effect class: safe, keyed or once.")
    var requestClass: String?
    @Option(help: "An API key's file, in place of the key of the login.") var keyFile: String?

    func validate() throws {
        guard path.hasPrefix("/") else { throw ValidationError("the path begins with \"/\"") }
    }

    /// What is asked.
    func call() throws -> ServiceCall {
        try ServiceCall(
            group: group, service: service, path: path, method: method.uppercased(), headers: fields(), body: body(),
            deadline: deadline, requestClass: requestClass)
    }

    /// As whom it is asked.
    func login() throws -> Login {
        var login = try Login.load()
        guard let keyFile else { return login }
        guard let text = try? String(contentsOfFile: keyFile, encoding: .utf8) else {
            throw CommandFailure(.usage, "cannot read \(keyFile)")
        }
        login.key = text.trimmingCharacters(in: .whitespacesAndNewlines)
        return login
    }

    private func fields() throws -> [(String, String)] {
        try headers.map { text in
            let parts = text.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else {
                throw CommandFailure(.usage, "\"\(text)\" is no header field; write 'Name: value'")
            }
            return (String(parts[0]), parts[1].trimmingCharacters(in: .whitespaces))
        }
    }

    private func body() throws -> [UInt8] {
        guard let data else { return [] }
        guard data.hasPrefix("@") else { return Array(data.utf8) }
        if data == "@-" { return Array(FileHandle.standardInput.readDataToEndOfFile()) }
        guard let bytes = FileManager.default.contents(atPath: String(data.dropFirst())) else {
            throw CommandFailure(.usage, "cannot read \(data.dropFirst())")
        }
        return Array(bytes)
    }
}
