import BrokerLink
import RelayFormat
import Synchronization

/// Issues tokens and lets in whoever shows one with the right proof.
final class CredentialBook: Sendable {
    private let principals = Mutex<[String: LinkPrincipal]>([:])
    private let refusals = Mutex<[String: LinkError]>([:])

    func issue(_ principal: LinkPrincipal) -> String {
        let token = "token-\(RequestID.random())"
        principals.withLock { $0[token] = principal }
        return token
    }

    func refuse(_ token: String, _ error: LinkError) {
        refusals.withLock { $0[token] = error }
    }

    static func prove(_ token: String, _ nonce: [UInt8]) -> LinkCredential {
        LinkCredential(token: token, proof: nonce.reversed() + Array(token.utf8))
    }

    func authenticate(_ credential: LinkCredential, nonce: [UInt8]) throws -> LinkPrincipal {
        if let refusal = refusals.withLock({ $0[credential.token] }) { throw refusal }
        guard credential == Self.prove(credential.token, nonce),
            let principal = principals.withLock({ $0[credential.token] })
        else { throw LinkError(.refused(.unauthenticated), "the credential is not valid") }
        return principal
    }
}
