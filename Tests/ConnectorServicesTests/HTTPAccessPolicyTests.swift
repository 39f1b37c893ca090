import ConnectorServices
import RelayFormat
import Testing

@Suite("What of an HTTP service may be used")
struct HTTPAccessPolicyTests {
    private func policy(_ methods: Set<String> = ["GET"], _ paths: String...) throws -> HTTPAccessPolicy {
        try HTTPAccessPolicy(rules: [.init(methods: methods, paths: paths.map { try #require(PathPattern($0)) })])
    }

    private func isAllowed(_ policy: HTTPAccessPolicy, _ target: String, _ method: String = "GET") -> Bool {
        do throws(RequestFailure) {
            try policy.authorize(method: method, target: target)
            return true
        } catch {
            #expect(error.code == .deniedByPolicy)
            return false
        }
    }

    @Test("without a rule nothing is allowed")
    func denyByDefault() {
        #expect(!isAllowed(HTTPAccessPolicy(rules: []), "/"))
    }

    @Test(
        "no way of writing a path leads out of what is allowed",
        arguments: [
            "/public/../admin", "/public/..", "/public/.", "/./public/x", "/public/./x", "/../public/x",
            "/public/%2e%2e/admin", "/public/%2E%2E/admin", "/public/.%2e/admin", "/public/%2e./admin", "/public/%2e/x",
            "/public/..%2fadmin", "/public/%2fadmin", "/public%2f..%2fadmin", "/public/a%2Fb", "/public/a%5cb",
            "/public/a\\b", "/public\\..\\admin", "/public/..\\admin", "/public/%5c..%5cadmin", "/public/..%5cadmin",
            "/public/%252e%252e/admin", "/public/%252fadmin", "/public/%25252e", "/public/a%25", "/public/%2525",
            "/public//admin", "//public/x", "//admin", "/public///", "/public/x//", "//", "/public//",
            "/public/..;/admin", "/public/..;x=1/admin", "/public/.;/x", "/public/%2e%2e;/admin", "/public/..%3b/admin",
            "/public/.%3Bx/admin", "/public/%2e%2e%3bx/admin",
            "/public/x#/../../admin", "/public/#", "/public/x%00", "/public/%00/../admin", "/public/%0a",
            "/public/%0d%0aX",
            "/public/%09", "/public/%1f", "/public/%7f", "/public/\u{7f}", "/public/%c0%ae%c0%ae/admin",
            "/public/%c0%af", "/public/%e0%80%ae", "/public/%ff", "/public/%u002e%u002e", "/public/%", "/public/%2",
            "/public/%zz", "/public/%+f", "/public/%-0", "/public/% 2", "", "public/x", "http://other/public/x",
            "*", "?/public/x", "/PUBLIC/x", "/Public/x", "/publi", "/public-not/x", "/publicx",
            "/%70ublic/../admin", "/admin?/public/x", "/admin?x=/public/", "/admin;/public/x", "/public;x/y",
            "/public%3f/x",
            "/public/..%c0%af", "/public/%2e%2e%2f", "/public/...%2f",
        ])
    func attacks(target: String) throws {
        let policy = try policy(["GET"], "/public/**")
        #expect(!isAllowed(policy, target))
    }

    @Test(
        "what is plain passes",
        arguments: [
            "/public", "/public/", "/public/x", "/public/x/y/z", "/public/x?y=../../admin", "/public?x=%2e%2e",
            "/public/x?", "/public/a%20b", "/public/x%23", "/%70ublic/x", "/public/...", "/public/..a", "/public/a..",
            "/public/.hidden",
            "/public/a;b=c", "/public/%c3%bc", "/public/x?a=b//c\\d", "/public/x?%00", "/public/a+b", "/public/a:b@c,d",
        ])
    func plain(target: String) throws {
        let policy = try policy(["GET"], "/public/**")
        #expect(isAllowed(policy, target))
    }

    @Test("a path is compared as a server decodes it")
    func decoding() throws {
        let policy = try policy(["GET"], "/a b/ü")
        #expect(isAllowed(policy, "/a%20b/%C3%BC"))
        #expect(!isAllowed(policy, "/a+b/%C3%BC"))
    }

    @Test("methods are compared exactly, and \"*\" stands for all of them")
    func methods() throws {
        let two = try policy(["GET", "HEAD"], "/**")
        #expect(isAllowed(two, "/", "HEAD"))
        #expect(!isAllowed(two, "/", "get"))
        #expect(!isAllowed(two, "/", "POST"))
        let all = try policy(["*"], "/**")
        #expect(isAllowed(all, "/", "PROPFIND"))
        #expect(!isAllowed(all, "/x", "CONNECT"), "a tunnel is no request")
    }

    @Test("method and path belong together: rules do not mix")
    func rules() throws {
        let policy = try HTTPAccessPolicy(rules: [
            .init(methods: ["GET"], paths: [#require(PathPattern("/read"))]),
            .init(methods: ["POST"], paths: [#require(PathPattern("/write"))]),
        ])
        #expect(isAllowed(policy, "/read"))
        #expect(isAllowed(policy, "/write", "POST"))
        #expect(!isAllowed(policy, "/read", "POST"))
        #expect(!isAllowed(policy, "/write"))
    }

    @Test("a path has a limit")
    func length() throws {
        let policy = try policy(["GET"], "/**")
        #expect(isAllowed(policy, "/" + String(repeating: "a", count: RelayLimits.requestTarget - 1)))
        #expect(!isAllowed(policy, "/" + String(repeating: "a", count: RelayLimits.requestTarget)))
    }

    @Test(
        "a pattern fits what it says, segment by segment",
        arguments: [
            ("/", "/", true), ("/", "/a", false), ("/a", "/a", true), ("/a", "/a/", false), ("/a", "/A", false),
            ("/a/", "/a/", true), ("/a/", "/a", false), ("/*", "/a", true), ("/*", "/", false), ("/*", "/a/b", false),
            ("/*/b", "/a/b", true), ("/*/b", "/a/c", false), ("/a/*/c", "/a/b/c", true), ("/a/*/c", "/a/b/d/c", false),
            ("/**", "/", true), ("/**", "/a/b/c", true), ("/a/**", "/a", true), ("/a/**", "/a/", true),
            ("/a/**", "/a/b/c", true), ("/a/**", "/ab", false), ("/a/**", "/b", false), ("/a/*/**", "/a", false),
            ("/a/*/**", "/a/", false), ("/a/*/**", "/a/b", true), ("/a/*/**", "/a/b/c", true), ("/*/*", "/a/b", true),
        ])
    func patterns(pattern: String, path: String, fits: Bool) throws {
        let policy = try policy(["GET"], pattern)
        #expect(isAllowed(policy, path) == fits)
    }

    @Test(
        "what is no pattern is refused",
        arguments: ["", "a", "a/b", "*", "**", "/a*", "/*a", "/**/b", "/a/***", "/a**"])
    func noPatterns(text: String) {
        #expect(PathPattern(text) == nil)
    }

    @Test(
        "a pattern that no request could ever match is refused",
        arguments: ["/a//b", "/a/../b", "/./a", "/a?b", "/a#b"])
    func deadPatterns(text: String) {
        #expect(PathPattern(text) == nil)
    }

    @Test("a pattern shows as it was written")
    func description() {
        #expect(PathPattern("/a/*/**")?.description == "/a/*/**")
    }
}
