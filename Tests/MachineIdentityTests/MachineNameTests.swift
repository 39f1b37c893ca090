import MachineIdentity
import Testing

@Suite struct MachineNameTests {
    @Test func aNameIsReadAsItWasWritten() throws {
        let name = try MachineName(
            trustDomain: "example.org", tenant: "acme", account: "gw-site-a", connector: "aaaaaaaaaaaaaaaaaaaaaaaaaa")
        #expect(name.uri == "spiffe://example.org/t/acme/sa/gw-site-a/c/aaaaaaaaaaaaaaaaaaaaaaaaaa")
        #expect(try MachineName(uri: name.uri) == name)
    }

    @Test(arguments: [
        "", "spiffe://", "https://example.org/t/a/sa/b/c/d", "spiffe://example.org/t/a/sa/b/c/",
        "spiffe:///t/a/sa/b/c/d",
        "spiffe://example.org/t/a/sa/b/c/d/", "spiffe://example.org/t/a/sa/b/c/d/e",
        "spiffe://example.org/t/A/sa/b/c/d",
        "spiffe://example.org/t/a/sa/b/c/d?x", "spiffe://example.org:1/t/a/sa/b/c/d",
        "SPIFFE://example.org/t/a/sa/b/c/d",
        "spiffe://example.org//t/a/sa/b/c/d", "spiffe://example.org/t/../sa/b/c/d",
        "spiffe://example.org/t/a%2f/sa/b/c/d",
        "spiffe://example.org/t/a/sa/b/c/\u{e9}", "spiffe://example..org/t/a/sa/b/c/d", "spiffe://-/t/a/sa/b/c/d",
    ])
    func otherSpellingsAreRefused(uri: String) {
        #expect(throws: MachineIdentityError(.invalidName, "")) { try MachineName(uri: uri) }
    }

    @Test func slugsHaveBounds() {
        #expect(MachineName.isSlug(String(repeating: "a", count: 63)))
        #expect(!MachineName.isSlug(String(repeating: "a", count: 64)))
        #expect(!MachineName.isSlug("-a") && !MachineName.isSlug("a-") && !MachineName.isSlug("a_b"))
    }
}
