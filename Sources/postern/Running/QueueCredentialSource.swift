internal import BrokerLink
internal import Crypto
internal import EnrollmentClient
internal import EnrollmentProtocol
internal import Foundation
internal import Logging
internal import MachineIdentity
internal import RelayFormat

/// Fetches the queue credentials of one process start, and proves at the link that they are its own.
actor QueueCredentialSource {
    private let calls: EnrollmentCalls
    private let key: MachineKey
    private let boot: BootID
    private let isObserver: Bool
    private let logger: Logger
    private var held: QueueCredentialsAnswer?
    private var fetchedAt = Date.distantPast

    /// Makes a source.
    ///
    /// - Parameter isObserver: whether the process only looks, and so takes no other one's place.
    init(calls: EnrollmentCalls, key: MachineKey, boot: BootID, isObserver: Bool, logger: Logger) {
        self.calls = calls
        self.key = key
        self.boot = boot
        self.isObserver = isObserver
        self.logger = logger
    }

    /// Fetches the first credential; persistently, until the tenant answers or refuses for good.
    func first(persistently: Bool) async throws -> QueueCredentialsAnswer {
        var attempts = 0
        let begun = ContinuousClock.now
        while true {
            do {
                let answer = try await fetch()
                if attempts > 0 {
                    logger.notice(
                        "Tenant reached",
                        metadata: [
                            "after_s": "\((ContinuousClock.now - begun).components.seconds)", "attempts": "\(attempts)",
                        ])
                }
                return answer
            } catch {
                // A frozen connector waits for the person who lets it in again.
                let isFrozen = error.code == .frozen
                guard (error.isRetryable || isFrozen) && persistently else { throw error }
                attempts += 1
                if attempts == 1 {
                    logger.warning(
                        isFrozen ? "Frozen by the tenant; waiting to be let in again" : "Tenant not reached; trying on",
                        metadata: ["reason": "\(error)"])
                }
                // Full jitter under a ceiling that doubles up to a minute.
                let ceiling = min(60.0, 0.5 * pow(2, Double(min(attempts, 10))))
                try await Task.sleep(for: .seconds(isFrozen ? .random(in: 3...6) : .random(in: 0...ceiling)))
            }
        }
    }

    /// A credential with a proof over the link's nonce; the one held if half of its life is still to come.
    func credential(nonce: [UInt8]) async throws -> LinkCredential {
        let answer: QueueCredentialsAnswer
        if let held, held.expiresAt.timeIntervalSinceNow > held.expiresAt.timeIntervalSince(fetchedAt) / 2 {
            answer = held
        } else {
            do {
                answer = try await fetch()
            } catch {
                switch error.code {
                case .rejected: throw LinkError(.refused(.revoked), error.message)
                case .frozen: throw LinkError(.refused(.frozen), error.message)
                case .replaced: throw LinkError(.refused(.replaced), error.message)
                default: throw error
                }
            }
        }
        let signature = try key.signing.signature(for: LinkProof.bytes(nonce: nonce, token: answer.token))
        return LinkCredential(token: answer.token, proof: Array(signature.rawRepresentation))
    }

    private func fetch() async throws(EnrollmentClientError) -> QueueCredentialsAnswer {
        let answer = try await calls.queueCredentials(bootID: "\(boot)", isObserver: isObserver)
        held = answer
        fetchedAt = .now
        return answer
    }
}
