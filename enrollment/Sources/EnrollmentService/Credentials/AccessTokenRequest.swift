internal import EnrollmentProtocol
internal import Foundation

/// The form of a request for an access token.
struct AccessTokenRequest: Sendable {
    /// The signed statement of who asks.
    let assertion: String
    /// Who asks, where the form says it besides.
    let clientID: String?

    /// Reads a form; parameters that it does not know are ignored, as RFC 6749 section 3.2 demands.
    init(form: String) throws(AccessTokenRefusal) {
        var values: [String: String] = [:]
        for pair in form.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decode(parts[0]), let value = Self.decode(parts.count == 2 ? parts[1] : "") else {
                throw AccessTokenRefusal(.invalidRequest, "The form is not encoded as \(AccessTokenForm.mediaType).")
            }
            guard values.updateValue(value, forKey: name) == nil else {
                throw AccessTokenRefusal(.invalidRequest, "A parameter of the form stands there twice.")
            }
        }
        guard let grant = values["grant_type"], !grant.isEmpty else {
            throw AccessTokenRefusal(.invalidRequest, "The parameter “grant_type” is missing.")
        }
        guard grant == AccessTokenForm.grantType else {
            throw AccessTokenRefusal(.unsupportedGrantType, "The only grant is “\(AccessTokenForm.grantType)”.")
        }
        guard values["client_assertion_type"] == AccessTokenForm.assertionType else {
            throw AccessTokenRefusal(
                .invalidRequest, "The parameter “client_assertion_type” must be “\(AccessTokenForm.assertionType)”.")
        }
        guard let assertion = values["client_assertion"], !assertion.isEmpty else {
            throw AccessTokenRefusal(.invalidRequest, "The parameter “client_assertion” is missing.")
        }
        self.assertion = assertion
        clientID = values["client_id"]
    }

    private static func decode(_ text: Substring) -> String? {
        text.replacing("+", with: " ").removingPercentEncoding
    }
}
