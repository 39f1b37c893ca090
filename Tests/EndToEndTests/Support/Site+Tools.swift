import Foundation
import NIOSSL
import TestTools
import Testing

/// The tools with which tests look at a site from outside, as an attacker or an administrator would.
extension Site {
    /// An enrollment as posternctl prints it.
    struct Enrollment: Decodable {
        var id: String
        var state: String
        var used: Int
        var secret: String?
        var invitation: String?
    }

    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    /// Writes a file into the site's folder.
    ///
    /// - Returns: its path.
    @discardableResult
    func write(_ text: String, to name: String) throws -> String {
        try text.write(toFile: path(name), atomically: true, encoding: .utf8)
        return path(name)
    }

    func read(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

    /// Runs a command of postern with the state folder of a connector.
    func postern(
        _ arguments: [String], of name: String, environment: [String: String] = [:]
    ) async throws -> Program.Result {
        try await Program.run(
            "postern", arguments + ["--state-dir", state(name)], in: folder,
            environment: environment.merging(token?.environment ?? [:]) { own, _ in own })
    }

    /// Stops the tenant's process and starts it with more options.
    func restartTenant(_ options: [String]) async throws {
        tenant?.signal(SIGTERM)
        _ = await tenant?.wait()
        try await serve(options: options)
    }

    /// Runs openssl to its end.
    ///
    /// - Returns: all that it printed.
    @discardableResult
    func openssl(_ arguments: [String], input: String? = nil) async throws -> String {
        let result = try await Program.run("openssl", arguments, in: folder, input: input)
        try #require(result.status == 0, "openssl \(arguments.first ?? ""): \(result.errors)")
        return result.output + result.errors
    }

    /// Asks the tenant by curl.
    func curl(_ path: String, _ options: [String] = []) async throws -> (status: Int, text: String) {
        let result = try await Program.run(
            "curl",
            ["-sS", "--cacert", tenantFolder + "/ca.pem", "-w", "\n%{http_code}", "--max-time", "60"] + options
                + [url + path],
            in: folder)
        let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)
        return (Int(lines.last ?? "") ?? 0, lines.dropLast().joined(separator: "\n"))
    }

    /// Makes an invitation and tells all about it.
    func enroll(_ options: [String] = []) async throws -> Enrollment {
        let made = try await ctl(["enrollments", "create", "gw", "--output", "json"] + options)
        try #require(made.status == 0, "enrollments: \(made.errors)")
        return try JSONDecoder().decode(Enrollment.self, from: Data(made.output.utf8))
    }

    /// The enrollments of the account, by id.
    func enrollments() async throws -> [String: Enrollment] {
        let listed = try await ctl(["enrollments", "list", "gw", "--output", "json"])
        try #require(listed.status == 0, "enrollments: \(listed.errors)")
        let all = try JSONDecoder().decode([Enrollment].self, from: Data(listed.output.utf8))
        return Dictionary(uniqueKeysWithValues: all.map { ($0.id, $0) })
    }

    /// The id of a registered connector, as its own machine says it.
    func connectorID(of name: String) async throws -> String {
        struct Identity: Decodable { var connector_id: String }
        let answer = try await postern(["identity", "--json"], of: name)
        try #require(answer.status == 0, "identity: \(answer.errors)")
        return try JSONDecoder().decode(Identity.self, from: Data(answer.output.utf8)).connector_id
    }

    /// Checks that the tenant's process is still the one that was started, and answers.
    func expectUnharmed(_ location: SourceLocation = #_sourceLocation) async throws {
        #expect(tenant?.isRunning == true, "the tenant's process has ended", sourceLocation: location)
        let ready = try await http("GET", "/readyz", key: nil)
        #expect(ready.status == 200, "the tenant does not answer", sourceLocation: location)
    }

    /// TLS that believes the installation, with a certificate and key of the given files if there are any.
    func tls(certificate: String? = nil, key: String? = nil) throws -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(tenantFolder + "/ca.pem"))
        if let certificate, let key {
            tls.certificateChain = [.certificate(try NIOSSLCertificate.fromPEMFile(certificate)[0])]
            tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
        }
        return tls
    }
}
