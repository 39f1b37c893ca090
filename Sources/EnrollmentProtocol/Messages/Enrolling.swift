public import Foundation

/// The answer to `POST /v1/enrollments/nonces`: a nonce for the challengePassword of one certificate request.
public struct NonceAnswer: Codable, Sendable, Equatable {
    /// The nonce, as it goes into the request.
    public var nonce: String
    /// Until when it can be used.
    public var expiresAt: Date

    /// Makes an answer.
    public init(nonce: String, expiresAt: Date) {
        self.nonce = nonce
        self.expiresAt = expiresAt
    }

    enum CodingKeys: String, CodingKey {
        case nonce
        case expiresAt = "expires_at"
    }
}

/// `POST /v1/enrollments`: asks for the certificate of a new connector.
public struct EnrollRequest: EnrollmentRequest, Equatable {
    /// The certificate request (PKCS#10) in PEM; only its public key and its nonce are used.
    public var csr: String
    /// What the administrator shall read beside the id, for example the host's name; at most 255 bytes.
    public var displayName: String?

    /// Makes a request.
    public init(csr: String, displayName: String? = nil) {
        self.csr = csr
        self.displayName = displayName
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case csr
        case displayName = "display_name"
    }

    public static var fields: [String] { CodingKeys.allCases.map(\.rawValue) }
}

/// The answer to `POST /v1/enrollments`: who the connector is from now on.
public struct EnrollAnswer: Codable, Sendable, Equatable {
    /// The connector's id, 26 characters of base32.
    public var connectorID: String
    /// The tenant's id and name.
    public var tenant: TenantReference
    /// The service account.
    public var account: String
    /// The connector's certificate in PEM.
    public var certificate: String
    /// What leads from it to the root, in PEM: the intermediate certificate, then the root.
    public var chain: [String]
    /// Until when the certificate is valid.
    public var notAfter: Date
    /// From when on it should be renewed.
    public var renewAt: Date
    /// Counts the renewals, from 1.
    public var generation: Int
    /// The trust domain in the certificate's name.
    public var trustDomain: String
    /// The tenant's Key Authority.
    public var keyAuthority: KeyAuthorityReference
    /// For how many days after its end the certificate can still be renewed; nil from a tenant that does not say.
    public var recoveryDays: Int?

    /// Makes an answer.
    public init(
        connectorID: String, tenant: TenantReference, account: String, certificate: String, chain: [String],
        notAfter: Date, renewAt: Date, generation: Int, trustDomain: String, keyAuthority: KeyAuthorityReference,
        recoveryDays: Int? = nil
    ) {
        self.connectorID = connectorID
        self.tenant = tenant
        self.account = account
        self.certificate = certificate
        self.chain = chain
        self.notAfter = notAfter
        self.renewAt = renewAt
        self.generation = generation
        self.trustDomain = trustDomain
        self.keyAuthority = keyAuthority
        self.recoveryDays = recoveryDays
    }

    enum CodingKeys: String, CodingKey {
        case tenant, account, certificate, chain, generation
        case connectorID = "connector_id"
        case notAfter = "not_after"
        case renewAt = "renew_at"
        case trustDomain = "trust_domain"
        case keyAuthority = "key_authority"
        case recoveryDays = "recovery_days"
    }
}

/// `POST /v1/certificates/renew`: asks for the next certificate of a registered connector; the answer is `EnrollAnswer`.
///
/// The same request, asked again, gets the same certificate.
public struct RenewRequest: EnrollmentRequest, Equatable {
    /// The certificate request (PKCS#10) in PEM, by a new key; only its public key is used.
    public var csr: String
    /// The generation of the certificate that the connector has now.
    public var generation: Int
    /// A hash that stands for the machine, by which a copy on another one shows; a warning, never a lock.
    public var machine: String?

    /// Makes a request.
    public init(csr: String, generation: Int, machine: String? = nil) {
        self.csr = csr
        self.generation = generation
        self.machine = machine
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case csr, generation, machine
    }

    public static var fields: [String] { CodingKeys.allCases.map(\.rawValue) }
}

/// The Key Authority of a tenant: its public key and the pin by which a connector knows it.
public struct KeyAuthorityReference: Codable, Sendable, Equatable {
    /// The pin.
    public var pin: Pin
    /// The P-256 key in PEM.
    public var publicKey: String

    /// Makes a reference.
    public init(pin: Pin, publicKey: String) {
        self.pin = pin
        self.publicKey = publicKey
    }

    enum CodingKeys: String, CodingKey {
        case pin
        case publicKey = "public_key"
    }
}

/// A tenant, by its id and its name.
public struct TenantReference: Codable, Sendable, Equatable, Hashable {
    /// The id, 26 characters of base32.
    public var id: String
    /// The name in paths and certificates.
    public var slug: String

    /// Makes a reference.
    public init(id: String, slug: String) {
        self.id = id
        self.slug = slug
    }
}

/// A group, by its id and its name.
public struct GroupReference: Codable, Sendable, Equatable, Hashable {
    /// The id, 26 characters of base32.
    public var id: String
    /// The name in paths.
    public var name: String

    /// Makes a reference.
    public init(id: String, name: String) {
        self.id = id
        self.name = name
    }
}
