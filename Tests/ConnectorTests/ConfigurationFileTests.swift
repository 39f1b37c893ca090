import Connector
import ConnectorServices
import Foundation
import RelayFormat
import Testing

@Suite("The connector's configuration file")
struct ConfigurationFileTests {
    private func service(_ lines: String) -> String { "services:\n  web:\n\(lines)" }

    @Test("a full file is read")
    func full() throws {
        let configuration = try ConfigurationFile.parse(
            """
            limits:
              in_flight: 12
              drain: 2m
            services:
              intranet:
                kind: http
                target: https://intranet.example:8443/base
                timeout: 1500ms
                allow:
                  - methods: [get, HEAD]
                    paths: ["/status", "/reports/**"]
                  - methods: ["*"]
                    paths: [/api/*]
              printer_2.b-c:
                kind: http
                target: http://[::1]:631
            """)
        #expect(configuration.inFlight == 12)
        #expect(configuration.drain == .seconds(120))
        #expect(configuration.services.count == 2)
        guard case .http(let http)? = configuration.services["intranet"] else {
            Issue.record("the service is missing")
            return
        }
        #expect(http.target.absoluteString == "https://intranet.example:8443/base")
        #expect(http.timeout == .milliseconds(1500))
        #expect(http.policy.rules.map(\.methods) == [["GET", "HEAD"], ["*"]])
        #expect(http.policy.rules.first?.paths.map(\.description) == ["/status", "/reports/**"])
        try http.policy.authorize(method: "GET", target: "/reports/2026/q1")
        #expect(throws: (any Error).self) { try http.policy.authorize(method: "POST", target: "/status") }
    }

    @Test(
        "what is not said has its default, and a service without a rule allows nothing",
        arguments: [
            "", "# only a comment\n", "---\n", "{}", "limits: {}\nservices: {}", "~", "null",
        ])
    func defaults(text: String) throws {
        let configuration = try ConfigurationFile.parse(text)
        #expect(configuration.services.isEmpty)
        #expect(configuration.inFlight == 256)
        #expect(configuration.drain == .seconds(10))
    }

    @Test("a service says what may run twice, and how much of it may be used at a time")
    func terms() throws {
        let configuration = try ConfigurationFile.parse(
            """
            services:
              plain: {kind: http, target: "http://h:80"}
              orders:
                kind: http
                target: http://h:80
                class: once
                limits: {concurrency: 8, rate: 100/s, burst: 20}
              payments:
                kind: http
                target: http://h:80
                honours_idempotency_key: true
                limits: {rate: 10/m}
            """)
        func terms(_ name: String) throws -> ServiceTerms { try #require(configuration.services[name]).terms }
        #expect(try terms("plain") == ServiceTerms())
        #expect(
            try terms("orders")
                == ServiceTerms(
                    requestClass: .once,
                    limits: .init(concurrency: 8, rate: .init(100, per: .seconds(1), burst: 20))))
        #expect(
            try terms("payments")
                == ServiceTerms(honoursIdempotencyKey: true, limits: .init(rate: .init(10, per: .seconds(60)))))
        #expect(try terms("payments").limits.rate == .init(1, per: .seconds(6), burst: 1))
    }

    @Test("the sample configuration is one that is taken")
    func sample() throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../../ops/examples/connector.yaml")
        let configuration = try ConfigurationFile.parse(String(contentsOf: path, encoding: .utf8))
        #expect(configuration.services["intranet"]?.terms == ServiceTerms())
        #expect(configuration.services["payments"]?.terms.honoursIdempotencyKey == true)
    }

    @Test("a service without a rule allows nothing")
    func noRule() throws {
        let text = service("    kind: http\n    target: http://127.0.0.1:80")
        guard case .http(let http)? = try ConfigurationFile.parse(text).services["web"] else {
            Issue.record("the service is missing")
            return
        }
        #expect(throws: (any Error).self) { try http.policy.authorize(method: "GET", target: "/") }
    }

    /// A bad file: its text, the key that the error names, and a part of the cure.
    struct Bad: Sendable, CustomStringConvertible {
        var text: String
        var key: String
        var cure: String
        var description: String { "\(key): \(cure)" }

        init(_ text: String, _ key: String, _ cure: String) {
            self.text = text
            self.key = key
            self.cure = cure
        }

        static func http(_ lines: String, _ key: String, _ cure: String) -> Bad {
            Bad("services:\n  web:\n    kind: http\n    target: http://h:80\n\(lines)", "services.web.\(key)", cure)
        }

        static func target(_ target: String) -> Bad {
            Bad(
                "services:\n  web:\n    kind: http\n    target: \"\(target)\"\n", "services.web.target",
                "http://host:port")
        }
    }

    static let bad: [Bad] = [
        Bad("a: b: c", "", "not YAML"), Bad("{", "", "not YAML"), Bad("just text", "", "mapping"),
        Bad("- a\n- b", "", "mapping"), Bad("limit: 5", "limit", "known here are: limits, metrics, services"),
        Bad("services: {}\nservices: {}", "", "not YAML"), Bad("1: 2", "1", "known here are"),
        Bad("? [a]\n: b", "", "text"),
        Bad("limits: 5", "limits", "mapping"), Bad("limits: {inflight: 5}", "limits.inflight", "drain, in_flight"),
        Bad("limits: {in_flight: 0}", "limits.in_flight", "1 to 65536"),
        Bad("limits: {in_flight: 65537}", "limits.in_flight", "1 to 65536"),
        Bad("limits: {in_flight: -1}", "limits.in_flight", "1 to 65536"),
        Bad("limits: {in_flight: many}", "limits.in_flight", "whole number"),
        Bad("limits: {in_flight: 1.5}", "limits.in_flight", "whole number"),
        Bad("limits: {in_flight: [1]}", "limits.in_flight", "whole number"),
        Bad("limits: {drain: soon}", "limits.drain", "500ms, 10s"), Bad("limits: {drain: 0}", "limits.drain", "500ms"),
        Bad("limits: {drain: -5s}", "limits.drain", "500ms"), Bad("limits: {drain: [5s]}", "limits.drain", "text"),
        Bad("services: [a]", "services", "mapping"), Bad("services: {web: 5}", "services.web", "mapping"),
        Bad("services: {Web: {}}", "services.Web", "a-z"), Bad("services: {\"\": {}}", "services.", "1 to 64"),
        Bad("services: {\"a/b\": {}}", "services.a/b", "a-z"), Bad("services: {\"ü\": {}}", "services.ü", "a-z"),
        Bad(
            "services: {\(String(repeating: "a", count: 65)): {}}", "services.\(String(repeating: "a", count: 65))",
            "64"),
        Bad("services: {web: {}}", "services.web.kind", "known is: http"),
        Bad("services: {web: {kind: ftp}}", "services.web.kind", "\"ftp\" is not known"),
        Bad("services: {web: {kind: http}}", "services.web.target", "http://127.0.0.1:8080"),
        .target(""), .target("127.0.0.1:80"), .target("ftp://h:80"), .target("http://"), .target("/path"),
        .target("http://user:secret@h:80"), .target("http://h:80/?x=1"), .target("http://h:80/#x"),
        .target("http://h:99999"), .target("http://h:0"), .target("file:///etc/passwd"), .target("http://h o:80"),
        .http("    timeout: never", "timeout", "500ms"), .http("    timeout: 0s", "timeout", "500ms"),
        .http("    alow: []", "alow", "known here are: allow, class, honours_idempotency_key, kind"),
        .http("    class: never", "class", "keyed may under one idempotency key"),
        .http("    class: [once]", "class", "text"), .http("    class: Once", "class", "\"Once\" is no class"),
        .http("    honours_idempotency_key: perhaps", "honours_idempotency_key", "true or false"),
        .http("    limits: 5", "limits", "mapping"),
        .http("    limits: {concurrency: 0}", "limits.concurrency", "1 to 65536"),
        .http("    limits: {concurrency: 5/s}", "limits.concurrency", "whole number"),
        .http("    limits: {rate: 100}", "limits.rate", "100/s, 10/m"),
        .http("    limits: {rate: 0/s}", "limits.rate", "100/s"),
        .http("    limits: {rate: 5/d}", "limits.rate", "5/h"),
        .http("    limits: {rate: -1/s}", "limits.rate", "100/s"),
        .http("    limits: {rate: 1/s/s}", "limits.rate", "/s"),
        .http("    limits: {burst: 5}", "limits.burst", "belongs to a rate"),
        .http("    limits: {rate: 5/s, burst: 0}", "limits.burst", "1 to 65536"),
        .http("    limits: {in_flight: 5}", "limits.in_flight", "known here are: burst, concurrency, rate"),
        .http("    allow: all", "allow", "list"), .http("    allow: [all]", "allow[0]", "mapping"),
        .http("    allow: [{paths: [/]}]", "allow[0].methods", "at least one method"),
        .http("    allow: [{methods: [], paths: [/]}]", "allow[0].methods", "at least one method"),
        .http("    allow: [{methods: GET, paths: [/]}]", "allow[0].methods", "list of texts"),
        .http("    allow: [{methods: [\"GET POST\"], paths: [/]}]", "allow[0].methods", "\"GET POST\""),
        .http("    allow: [{methods: [\"\"], paths: [/]}]", "allow[0].methods", "\"\""),
        .http("    allow: [{methods: [GET]}]", "allow[0].paths", "at least one path"),
        .http("    allow: [{methods: [GET], paths: []}]", "allow[0].paths", "at least one path"),
        .http("    allow: [{methods: [GET], paths: /}]", "allow[0].paths", "list of texts"),
        .http("    allow: [{methods: [GET], paths: [[/]]}]", "allow[0].paths", "list of texts"),
        .http("    allow: [{methods: [GET], paths: [status]}]", "allow[0].paths", "begins with \"/\""),
        .http("    allow: [{methods: [GET], paths: [\"/a*\"]}]", "allow[0].paths", "one whole segment"),
        .http("    allow: [{methods: [GET], paths: [\"/**/a\"]}]", "allow[0].paths", "only at the end"),
        .http("    allow: [{methods: [GET], paths: [\"/a%20b\"]}]", "allow[0].paths", "percent"),
        .http("    allow: [{methods: [GET], paths: [/], path: /}]", "allow[0].path", "known here are: methods, paths"),
        .http(
            "    allow: [{methods: [GET], paths: [/]}, {methods: [GET], paths: [x]}]", "allow[1].paths", "begins with"),
    ]

    @Test("what is wrong is refused, with its key and its cure", arguments: bad)
    func refused(bad: Bad) {
        do throws(ConfigurationError) {
            _ = try ConfigurationFile.parse(bad.text)
            Issue.record("it was taken")
        } catch {
            #expect(error.key == bad.key)
            #expect(error.message.contains(bad.cure), "\(error.message)")
            #expect(error.description.contains(error.message))
        }
    }

    @Test("more services than a connector may offer are refused")
    func tooMany() {
        let lines = (0...1024).map { "  s\($0): {kind: http, target: \"http://h:80\"}\n" }.joined()
        #expect(throws: ConfigurationError.self) { try ConfigurationFile.parse("services:\n\(lines)") }
    }
}
