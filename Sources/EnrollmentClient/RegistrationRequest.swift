public import EnrollmentProtocol
internal import MachineIdentity

/// What a machine was given to register with: an invitation, or its parts.
public struct RegistrationRequest: Sendable {
    /// Where the tenant is.
    public var endpoint: TenantEndpoint
    /// The service account.
    public var account: String
    /// The enrollment's secret.
    public var secret: SecretToken
    /// The pins of the TLS issuer (where known) and of the installation.
    public var expectation: ServerExamination.Expectation
    /// The pin of the Key Authority, where known.
    public var keyAuthority: Pin?
    /// What the administrator shall read beside the id.
    public var displayName: String?

    /// Makes a request of parts.
    public init(
        endpoint: TenantEndpoint, account: String, secret: SecretToken, expectation: ServerExamination.Expectation,
        keyAuthority: Pin?, displayName: String?
    ) {
        self.endpoint = endpoint
        self.account = account
        self.secret = secret
        self.expectation = expectation
        self.keyAuthority = keyAuthority
        self.displayName = displayName
    }

    /// Takes all from an invitation.
    public init(_ invitation: Invitation, displayName: String?) throws(EnrollmentClientError) {
        self.init(
            endpoint: try TenantEndpoint(invitation.url), account: invitation.account, secret: invitation.secret,
            expectation: .init(serverIssuer: invitation.serverIssuer, authority: invitation.authority),
            keyAuthority: invitation.keyAuthority, displayName: displayName)
    }

    /// By what the same invitation is recognised; it says nothing about the secret, which has 256 random bits.
    var digest: String {
        CertificateFingerprint(certificate: Array("postern invitation".utf8) + secret.bytes).hex
    }
}
