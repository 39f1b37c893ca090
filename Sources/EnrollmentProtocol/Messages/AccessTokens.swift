/// `POST /oauth2/token`: what the form must say (RFC 6749 section 4.4, RFC 7523 section 2.2).
public enum AccessTokenForm {
    /// The media type of the form.
    public static let mediaType = "application/x-www-form-urlencoded"
    /// The value of `grant_type`.
    public static let grantType = "client_credentials"
    /// The value of `client_assertion_type`.
    public static let assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    /// For how many seconds an assertion may be good.
    public static let longestAssertion = 300
}

/// What an access token is good for.
public enum AccessScope: String, Codable, Sendable, CaseIterable {
    /// All that the client certificate would be good for.
    case member
    /// Renewing alone: the certificate has ended, but not long ago.
    case renew
}

/// The answer to `POST /oauth2/token` (RFC 6749 section 5.1).
public struct AccessTokenAnswer: Codable, Sendable, Equatable {
    /// The token, for `Authorization: Bearer`.
    public var accessToken: String
    /// Always `Bearer`.
    public var tokenType: String
    /// After how many seconds it ends.
    public var expiresIn: Int
    /// What it is good for.
    public var scope: AccessScope

    /// Makes an answer.
    public init(accessToken: String, expiresIn: Int, scope: AccessScope) {
        self.accessToken = accessToken
        tokenType = "Bearer"
        self.expiresIn = expiresIn
        self.scope = scope
    }

    enum CodingKeys: String, CodingKey {
        case scope
        case accessToken = "access_token"
        case tokenType = "token_type"
        case expiresIn = "expires_in"
    }
}

/// Why `POST /oauth2/token` gives out no token (RFC 6749 section 5.2).
public struct AccessTokenProblem: Codable, Sendable, Equatable {
    /// The codes that the tenant uses.
    public enum Code: String, Codable, Sendable, CaseIterable {
        /// The form cannot be read, or a part is missing.
        case invalidRequest = "invalid_request"
        /// Another grant than client credentials.
        case unsupportedGrantType = "unsupported_grant_type"
        /// The assertion is not accepted.
        case invalidClient = "invalid_client"
    }

    /// The code.
    public var error: Code
    /// What is wrong and what to do about it, for people.
    public var description: String

    /// Makes a problem.
    public init(_ error: Code, _ description: String) {
        self.error = error
        self.description = description
    }

    enum CodingKeys: String, CodingKey {
        case error
        case description = "error_description"
    }
}
