public import IdentityStore
internal import MachineIdentity

extension TenantHTTPClient {
    /// Makes a client that shows a machine's certificate to the tenant that certified it; it must be shut down.
    public convenience init(
        identity: LoadedIdentity, proxies: ProxySettings, systemAuthorityFile: String? = nil
    ) throws(EnrollmentClientError) {
        try self.init(
            Configuration(
                endpoint: TenantEndpoint(identity.record.tenantURL),
                tls: ClientTLS(identity: identity, systemAuthorityFile: systemAuthorityFile),
                expectedIssuer: identity.record.serverIssuerPin, proxies: proxies))
    }

    /// Does something with the client and shuts it down, however that ends.
    public func use<Result: Sendable>(
        _ body: (TenantHTTPClient) async throws(EnrollmentClientError) -> Result
    ) async throws(EnrollmentClientError) -> Result {
        let result: Result
        do { result = try await body(self) } catch {
            await shutdown()
            throw error
        }
        await shutdown()
        return result
    }
}

extension ClientTLS {
    /// The settings of a registered machine: its certificate, without the root, and whom it believes.
    public init(identity: LoadedIdentity, systemAuthorityFile: String? = nil) {
        self.init(
            trust: identity.record.serverTrust, systemAuthorityFile: systemAuthorityFile,
            certificates: identity.certificates.count > 2
                ? Array(identity.certificates.dropLast()) : identity.certificates,
            key: identity.key)
    }
}
