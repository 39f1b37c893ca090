import EnrollmentClient
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
