internal import EnrollmentProtocol
internal import Foundation
internal import HTTPTypes
internal import Hummingbird

extension Authenticator {
    private static let longestCredential = 1024

    /// An invitation, shown as EST clients do it: HTTP Basic with the account's name and the secret as the password.
    ///
    /// `tenant/account` names the account as well; the tenant follows from the secret alone. A bearer token counts too.
    func enrollee(_ request: Request, at now: Date) async throws -> EnrollmentGrant {
        do {
            guard let (user, password) = Self.basic(request) else { return try await invitation(request, at: now) }
            guard let secret = try? SecretToken(password) else { throw Refusal.invalidCredentials }
            let grant = try await invitation(secret, at: now)
            // After the secret has proven itself, so that names cannot be guessed by the way of answering.
            guard [grant.account, "\(grant.tenant.slug)/\(grant.account)"].contains(user) else {
                throw Refusal(
                    .invalidCredentials, "The secret is not one of the account that the user name says.",
                    tenant: grant.tenant)
            }
            return grant
        } catch var refusal as Refusal {
            if refusal.problem == .invalidCredentials { refusal.challenge = #"Basic realm="postern", charset="UTF-8""# }
            throw refusal
        }
    }

    private static func basic(_ request: Request) -> (user: String, password: String)? {
        let parts = (request.headers[.authorization] ?? "").split(separator: " ", omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0].lowercased() == "basic", parts[1].utf8.count <= longestCredential,
            let bytes = Data(base64Encoded: String(parts[1])), let text = String(validating: bytes, as: UTF8.self),
            let colon = text.firstIndex(of: ":")
        else { return nil }
        return (String(text[..<colon]), String(text[text.index(after: colon)...]))
    }
}
