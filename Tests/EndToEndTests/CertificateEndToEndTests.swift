import Foundation
import NIOHTTP1
import Testing

/// Certificates with the real programs and openssl: what a request can ask for, and which ones are believed for how long.
@Suite("Certificates end to end", .serialized, .timeLimit(.minutes(5)))
struct CertificateEndToEndTests {
    @Test("a certificate request that asks to be an authority of another name gets the certificate of everybody else")
    func greedyRequest() async throws {
        try await Site.with { site in
            let enrollment = try await site.enroll()
            let csr = try await site.certificateRequest(challenge: try await site.nonce(enrollment))
            for text in ["CA:TRUE", "Certificate Sign", "root", "evil.example", "sa/other/c/admin"] {
                #expect(csr.text.contains(text), "the request does not ask for \(text)")
            }
            let answer = try await site.post(csr, enrollment)
            try #require(answer.status == 201, "\(answer.text)")
            let issued = try JSONDecoder().decode(Issued.self, from: Data(answer.text.utf8))
            let text = try await site.openssl(["x509", "-text", "-noout"], input: issued.certificate)
            let id = issued.connector_id
            #expect(text.contains("CA:FALSE") && !text.contains("CA:TRUE"))
            #expect(text.contains("Subject: CN = \(id)\n"))
            #expect(text.contains("URI:spiffe://localhost/t/default/sa/gw/c/\(id)\n"))
            #expect(text.contains("TLS Web Client Authentication\n"))
            for forbidden in ["Certificate Sign", "evil.example", "sa/other", "TLS Web Server", "root"] {
                #expect(!text.contains(forbidden), "the certificate has \(forbidden)")
            }
            try site.write(issued.certificate, to: "greedy.pem")
            let own = try await site.ownState(certificate: site.path("greedy.pem"), key: csr.key)
            #expect(own.status == 200 && own.text.contains(id))
            #expect(
                try await site.openssl([
                    "verify", "-CAfile", site.tenantFolder + "/ca.pem", "-untrusted",
                    site.tenantFolder + "/intermediate.pem", site.path("greedy.pem"),
                ]).contains("OK"))
        }
    }

    @Test("a bad certificate request is refused with its reason and does not use the invitation up")
    func badRequests() async throws {
        try await Site.with { site in
            let enrollment = try await site.enroll()
            func refused(_ csr: CertificateSigningRequest, _ status: Int, _ problem: String) async throws {
                let answer = try await site.post(csr, enrollment)
                #expect(answer.status == status && answer.text.contains("problem:\(problem)\""), "\(answer)")
            }
            let nonce = try await site.nonce(enrollment)
            var csr = try await site.certificateRequest(challenge: nonce)
            csr.pem = "good morning"
            try await refused(csr, 400, "invalid-csr")
            try await refused(try await site.certificateRequest(challenge: nil), 422, "pop-failed")
            try await refused(try await site.certificateRequest(challenge: "nobody-gave-this"), 422, "nonce-expired")
            try await refused(
                try await site.certificateRequest(challenge: nonce, algorithm: ["rsa:2048"]), 422, "unsupported-key")
            csr = try await site.certificateRequest(challenge: nonce)
            csr.pem = csr.pem.replacingOccurrences(of: "MI", with: "MJ")
            try await refused(csr, 400, "invalid-csr")
            let stranger = try await site.enroll()
            try await refused(
                try await site.certificateRequest(challenge: try await site.nonce(stranger)), 422, "nonce-expired")
            #expect(try await site.enrollments()[enrollment.id]?.used == 0)
            try await site.expectUnharmed()
            let good = try await site.register("one", enrollment.invitation ?? "")
            #expect(good.status == 0, "\(good.errors)")
            let late = try await site.post(try await site.certificateRequest(challenge: nonce), enrollment)
            #expect(late.status == 409 && late.text.contains("enrollment-consumed"))
        }
    }

    @Test("only a registered, current certificate of this installation is believed")
    func believed() async throws {
        try await Site.with { site in
            #expect(try await site.register("one", try await site.invite()).status == 0)
            let (own, key) = (site.state("one") + "/certificate.pem", site.state("one") + "/key.pem")
            #expect(try await site.ownState(certificate: own, key: key).status == 200)
            let none = try await site.curl("/v1/self")
            #expect(none.status == 401 && none.text.contains("problem:certificate-required"))

            let intermediate = (site.tenantFolder + "/intermediate.pem", site.tenantFolder + "/intermediate.key")
            let expired = try await site.sign(like: own, key: key, by: intermediate, days: -1)
            let late = try await site.ownState(certificate: expired, key: key)
            #expect(late.status == 401 && late.text.contains("problem:certificate-expired"), "\(late)")
            #expect(late.text.contains("expired at"))
            let forged = try await site.sign(like: own, key: key, by: intermediate, days: 1)
            let unregistered = try await site.ownState(certificate: forged, key: key)
            #expect(unregistered.status == 401 && unregistered.text.contains("not one that is registered"))

            try await site.openssl([
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/O=localhost/CN=Postern issuing CA", "-keyout", site.path("foreign.key"),
                "-out", site.path("foreign.pem"),
            ])
            let foreign = try await site.sign(
                like: own, key: key, by: (site.path("foreign.pem"), site.path("foreign.key")), days: 1)
            let stranger = try await site.ownState(certificate: foreign, key: key)
            #expect(stranger.status == 401 && stranger.text.contains("problem:invalid-credentials"), "\(stranger)")
            #expect(stranger.text.contains("not issued by this installation"))
            try await site.expectUnharmed()
            #expect(try await site.ownState(certificate: own, key: key).status == 200)
        }
    }

    @Test("a revocation holds at once: on new, kept and resumed connections, and for the link")
    func revocation() async throws {
        try await Site.with(connectors: ["one", "two"]) { site in
            let (own, key) = (site.state("one") + "/certificate.pem", site.state("one") + "/key.pem")
            let id = try await site.connectorID(of: "one")
            let kept = try await RawConnection.open(port: site.port, tls: try site.tls(certificate: own, key: key))
            let request = "GET /v1/self HTTP/1.1\r\nHost: localhost\r\n\r\n"
            await kept.send(request)
            try await waitUntil("the kept connection is answered", within: .seconds(10)) {
                kept.received.contains(#""state":"active""#)
            }
            for version in ["-tls1_2", "-tls1_3"] {
                let first = try await site.session(
                    version, ["-sess_out", site.path(version), "-cert", own, "-key", key])
                #expect(first.contains("\nNew, ") && first.contains(#""state":"active""#), "\(first)")
                let resumed = try await site.session(version, ["-sess_in", site.path(version)])
                #expect(resumed.contains("\nReused, ") && resumed.contains(#""state":"active""#), "\(resumed)")
            }

            let revoked = try await site.ctl(["connectors", "revoke", id, "--reason", "stolen"])
            #expect(revoked.status == 0 && revoked.output.contains("stolen"), "\(revoked.errors)")
            let connector = try #require(site.connectors["one"])
            try await waitUntil("the link is closed", within: .seconds(1)) {
                connector.errors.contains("Link refused for good")
            }
            await kept.send(request)
            try await waitUntil("the kept connection is refused", within: .seconds(10)) {
                kept.received.contains("problem:certificate-revoked")
            }
            await kept.close()
            let fresh = try await site.ownState(certificate: own, key: key)
            #expect(fresh.status == 401 && fresh.text.contains("problem:certificate-revoked"))
            for version in ["-tls1_2", "-tls1_3"] {
                let resumed = try await site.session(version, ["-sess_in", site.path(version)])
                #expect(resumed.contains("\nReused, ") && resumed.contains("problem:certificate-revoked"), "\(resumed)")
            }

            let end = await connector.wait()
            #expect(end.status == 6 && end.errors.contains("has revoked this connector"), "\(end.errors.suffix(500))")
            for command in [["run", "--config", site.path("connector.yaml")], ["ping"]] {
                let refused = try await site.postern(command, of: "one")
                #expect(refused.status == 6 && refused.errors.contains("revoked"), "\(refused)")
            }
            // The other member of the group is not touched by it.
            try await site.waitUntilOnline(1)
            #expect(try await site.call("after").headers.first(name: "postern-connector") == "two")
            let second = try await site.connectorID(of: "two")
            #expect(try await site.ctl(["connectors", "revoke", second]).status == 0)
            #expect(await site.connectors["two"]?.wait().status == 6)
            try await waitUntil("nobody is left", within: .seconds(10)) {
                let answer = try await site.call("nobody")
                return answer.status == 503 && answer.problem == "no_connector"
            }
            let given = try await site.postern(["unregister"], of: "one")
            #expect(given.status == 0 && given.output.contains("no longer accepted"), "\(given.errors)")
            let back = try await site.register("one", try await site.invite())
            #expect(back.status == 0, "\(back.errors)")
            try await site.expectUnharmed()
        }
    }
}

/// What the enrollment API answers.
private struct Issued: Decodable {
    var connector_id: String
    var certificate: String
}

/// A certificate request that openssl made.
private struct CertificateSigningRequest {
    var pem: String
    var text: String
    var key: String
}

extension Site {
    fileprivate func nonce(_ enrollment: Enrollment) async throws -> String {
        struct Answer: Decodable { var nonce: String }
        let answer = try await curl(
            "/v1/enrollments/nonces", ["-X", "POST", "-H", "Authorization: Bearer \(enrollment.secret ?? "")"])
        try #require(answer.status == 201, "\(answer.text)")
        return try JSONDecoder().decode(Answer.self, from: Data(answer.text.utf8)).nonce
    }

    /// Makes a request that asks for everything that it must not get.
    fileprivate func certificateRequest(
        challenge: String?, algorithm: [String] = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    ) async throws -> CertificateSigningRequest {
        let name = "request-\(UUID().uuidString)"
        let configuration = try write(
            """
            [req]
            prompt = no
            distinguished_name = name
            req_extensions = wishes
            \(challenge == nil ? "" : "attributes = attributes")
            [name]
            CN = root
            O = Somebody Else
            [attributes]
            challengePassword = \(challenge ?? "")
            [wishes]
            basicConstraints = critical, CA:TRUE
            keyUsage = critical, keyCertSign, digitalSignature
            extendedKeyUsage = serverAuth, clientAuth
            subjectAltName = DNS:evil.example, URI:spiffe://localhost/t/default/sa/other/c/admin

            """, to: name + ".cnf")
        try await openssl(
            ["req", "-new", "-config", configuration, "-nodes", "-newkey"] + algorithm
                + ["-keyout", path(name + ".key"), "-out", path(name + ".csr")])
        return CertificateSigningRequest(
            pem: try read(name + ".csr"),
            text: try await openssl(["req", "-in", path(name + ".csr"), "-noout", "-text"]), key: path(name + ".key"))
    }

    fileprivate func post(
        _ request: CertificateSigningRequest, _ enrollment: Enrollment
    ) async throws -> (status: Int, text: String) {
        let body = try JSONEncoder().encode(["csr": request.pem])
        return try await curl(
            "/v1/enrollments",
            [
                "-H", "Authorization: Bearer \(enrollment.secret ?? "")", "-H", "Content-Type: application/json",
                "--data-binary", String(decoding: body, as: UTF8.self),
            ])
    }

    fileprivate func ownState(certificate: String, key: String) async throws -> (status: Int, text: String) {
        try await curl("/v1/self", ["--cert", certificate, "--key", key])
    }

    /// Signs a certificate of the same name, form and key as another one.
    fileprivate func sign(
        like original: String, key: String, by issuer: (certificate: String, key: String), days: Int
    ) async throws -> String {
        let text = try await openssl(["x509", "-in", original, "-noout", "-ext", "subjectAltName"])
        let uri = try #require(text.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("URI:") })
        let name = "signed-\(UUID().uuidString)"
        try write(
            """
            basicConstraints = critical, CA:FALSE
            keyUsage = critical, digitalSignature
            extendedKeyUsage = clientAuth
            subjectAltName = \(uri)

            """, to: name + ".ext")
        try await openssl(["req", "-new", "-key", key, "-subj", "/CN=somebody", "-out", path(name + ".csr")])
        try await openssl([
            "x509", "-req", "-in", path(name + ".csr"), "-CA", issuer.certificate, "-CAkey", issuer.key, "-set_serial",
            "0x77\(UUID().uuidString.prefix(8))", "-days", "\(days)", "-extfile", path(name + ".ext"),
            "-out", path(name + ".pem"),
        ])
        return path(name + ".pem")
    }

    /// Asks for the own state over one TLS session of openssl, and gives back all that it said.
    func session(_ version: String, _ options: [String]) async throws -> String {
        try await openssl(
            ["s_client", "-connect", "localhost:\(port)", "-CAfile", tenantFolder + "/ca.pem", "-ign_eof", version]
                + options,
            input: "GET /v1/self HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    }
}
