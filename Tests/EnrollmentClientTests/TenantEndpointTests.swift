import EnrollmentClient
import MachineIdentity
import Testing

@Suite struct TenantEndpointTests {
    @Test(arguments: [
        ("https://Tenant.example.org", "https://tenant.example.org:443"), ("https://a:8443/", "https://a:8443"),
        ("https://127.0.0.1:1", "https://127.0.0.1:1"), ("https://[::1]:8443", "https://[::1]:8443"),
    ])
    func urlsAreReadAndWritten(text: String, expected: String) throws {
        #expect(try TenantEndpoint(text).description == expected)
    }

    @Test(arguments: [
        "", "tenant.example.org", "http://tenant.example.org", "https://", "https://a/b", "https://a?b", "https://a#b",
        "https://user@a", "https://user:word@a", "https://a:0", "https://a:65536", "https://a:b", "ftp://a",
    ])
    func otherTextsAreRefused(text: String) {
        #expect(throws: EnrollmentClientError(.invalidURL, "", advice: "")) { try TenantEndpoint(text) }
    }

    @Test func exceptionsFromTheProxyAreHostsDomainsAndAll() throws {
        let endpoint = try TenantEndpoint("https://tenant.example.org:8443")
        for (exceptions, isDirect) in [
            ("", false), ("*", true), ("example.org", true), (".example.org", true), ("ample.org", false),
            ("tenant.example.org", true), ("other, TENANT.example.org:8443", true), ("tenant.example.org:1", false),
        ] {
            let settings = try ProxySettings(httpsProxy: "http://proxy:1", noProxy: exceptions)
            #expect((settings.proxy(for: endpoint) == nil) == isDirect, "\(exceptions)")
        }
        #expect(ProxySettings.none.proxy(for: endpoint) == nil)
        #expect(try ProxySettings(httpsProxy: "proxy.local", noProxy: nil).proxy(for: endpoint)?.port == 3128)
    }

    @Test(arguments: [
        ("https://10.1.2.3:8443", "10.0.0.0/8", true), ("https://10.1.2.3:8443", "10.1.2.4", false),
        ("https://10.1.2.3:8443", "10.1.2.3:8443", true), ("https://10.1.2.3:8443", "10.1.2.3:443", false),
        ("https://10.1.2.3:8443", "10.1.2.0/31, 10.1.2.2/31", true), ("https://11.0.0.1", "10.0.0.0/8", false),
        ("https://10.1.2.3", "0.0.0.0/0", true), ("https://10.1.2.3", "10.0.0.0/33", false),
        ("https://[::1]:8443", "::1", true), ("https://[::1]:8443", "[::1]:8443", true),
        ("https://[::1]:8443", "[::1]:1", false), ("https://[fd12::7]", "fd00::/8", true),
        ("https://[fd12::7]", "0.0.0.0/0", false), ("https://[2001:db8::1]", "[2001:db8::]/32", false),
        ("https://a.example.org", "*.example.org", true), ("https://a.example.org", "*:443", true),
        ("https://10.1.2.3", "3, .2.3, *.3", false),
    ])
    func exceptionsAreAddressesNetworksAndPorts(url: String, exceptions: String, isDirect: Bool) throws {
        let settings = try ProxySettings(httpsProxy: "http://proxy:1", noProxy: exceptions)
        #expect((settings.proxy(for: try TenantEndpoint(url)) == nil) == isDirect)
    }

    @Test func userAndPasswordArePercentDecodedAndIPv6ProxiesUnbracketed() throws {
        let endpoint = try TenantEndpoint("https://a")
        let proxy = try ProxySettings(httpsProxy: "http://me:p%40ss%3Aw%C3%B6rd@[::1]:3128", noProxy: nil)
            .proxy(for: endpoint)
        #expect(proxy?.host == "::1" && proxy?.description == "[::1]:3128")
        #expect(proxy?.credentials?.user == "me" && proxy?.credentials?.password.reveal() == "p@ss:wörd")
        let shown = String(describing: proxy?.credentials)
        #expect(!shown.contains("p@ss"))
    }

    @Test(arguments: ["socks5://a", "https://a", "http://", "http://a b"])
    func otherKindsOfProxyAreRefused(text: String) {
        #expect(throws: EnrollmentClientError(.invalidProxy, "", advice: "")) {
            try ProxySettings(httpsProxy: text, noProxy: nil)
        }
    }

    @Test func aProxysPasswordIsNotPrinted() throws {
        let proxy = try ProxySettings(httpsProxy: "http://me:hunter2@proxy:1", noProxy: nil)
            .proxy(for: TenantEndpoint("https://a"))
        #expect(proxy?.description == "proxy:1")
    }
}
