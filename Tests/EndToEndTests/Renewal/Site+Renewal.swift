import Foundation
import TestTools
import Testing

/// What the tests of renewal look at: who a connector says it is, and whom the tenant believes.
extension Site {
    /// An identity as `postern identity --json` says it.
    struct Identity: Decodable, Equatable {
        var connector_id: String
        var generation: Int
        var key_fingerprint: String
        var certificate_not_after: String

        var notAfter: Date { (try? Date(certificate_not_after, strategy: .iso8601)) ?? .distantPast }
    }

    /// The files of an identity, set aside.
    struct OldIdentity {
        var certificate: String
        var key: String
    }

    /// The points at which a connector may be killed while it renews.
    static let connectorPoints = [
        "identity.key.before", "identity.key.after", "identity.answer.before", "identity.answer.after",
        "identity.use.after", "identity.confirm.after", "identity.promote.begin", "identity.promote.key",
        "identity.promote.certificate",
        "identity.promote.record", "identity.promote.end",
    ]
    /// The points at which a tenant may be killed while it renews a certificate.
    static let tenantPoints = ["renewal.before", "renewal.inside", "renewal.after"]

    func identity(of name: String) async throws -> Identity {
        let answer = try await postern(["identity", "--json"], of: name)
        try #require(answer.status == 0, "identity: \(answer.errors)")
        return try JSONDecoder().decode(Identity.self, from: Data(answer.output.utf8))
    }

    /// Checks that the token has exactly the one key pair that the connector's files name, and keeps it to itself.
    func expectOneKeyPair(_ name: String, _ location: SourceLocation = #_sourceLocation) throws {
        let token = try #require(token)
        let (keys, halves) = (try token.keys(), try token.keys("pubkey"))
        #expect(keys.count == 1 && halves.count == 1, "\(keys.map(\.id))", sourceLocation: location)
        let file = try String(contentsOfFile: state(name) + "/key.pem", encoding: .utf8)
        let id = file.components(separatedBy: "id=").last?.prefix { $0 != "?" }.filter { $0 != "%" }.lowercased()
        #expect(keys.first?.id == id && halves.first?.id == id, sourceLocation: location)
        let usage = keys.first?.text ?? ""
        #expect(
            usage.contains("sensitive") && usage.contains("never extractable") && usage.contains("local"), "\(usage)",
            sourceLocation: location)
    }

    func setAside(_ name: String) throws -> OldIdentity {
        let label = UUID().uuidString
        let old = OldIdentity(certificate: path("\(label).pem"), key: path("\(label).key"))
        try FileManager.default.copyItem(atPath: state(name) + "/certificate.pem", toPath: old.certificate)
        try FileManager.default.copyItem(atPath: state(name) + "/key.pem", toPath: old.key)
        return old
    }

    /// With which status the tenant answers the holder of these files.
    func standing(of old: OldIdentity) async throws -> Int {
        try await curl("/v1/self", ["--cert", old.certificate, "--key", old.key]).status
    }

    /// Kills a process and waits for its end; returns whether it was still there.
    func kill(_ program: Program?) async {
        program?.signal(SIGKILL)
        _ = await program?.wait()
    }

    /// Waits until a connector uses a generation or a later one, with all of a renewal behind it.
    func waitUntilRenewed(_ name: String, to generation: Int, within limit: Duration = .seconds(30)) async throws {
        try await waitUntil("\(name) has generation \(generation)", within: limit) {
            let identity = try await self.identity(of: name)
            let files = try FileManager.default.contentsOfDirectory(atPath: self.state(name))
            return identity.generation >= generation
                && !files.contains { $0.hasPrefix("renewal") && $0 != "renewals.json" }
        }
    }

    /// Checks that the connector works and that of its identities exactly the present one is believed.
    func expectOneIdentity(_ name: String, old: OldIdentity, _ location: SourceLocation = #_sourceLocation) async throws
    {
        if token != nil {
            // The old key is destroyed: nobody can be the old identity any more.
            let seen = try await postern(["rotate", "--dry-run"], of: name)
            let generation = try await identity(of: name).generation
            #expect(
                seen.output.contains("active, generation \(generation)"), "\(seen.output)", sourceLocation: location)
            try expectOneKeyPair(name, location)
            return #expect(try await call("check").status == 200, sourceLocation: location)
        }
        let now = try setAside(name)
        #expect(try await standing(of: now) == 200, "the present identity is not believed", sourceLocation: location)
        let isSame =
            try String(contentsOfFile: now.key, encoding: .utf8) == String(contentsOfFile: old.key, encoding: .utf8)
        let expected = isSame ? 200 : 409
        #expect(try await standing(of: old) == expected, "the old identity", sourceLocation: location)
        let answer = try await call("check")
        #expect(answer.status == 200, "\(answer.text)", sourceLocation: location)
    }
}
