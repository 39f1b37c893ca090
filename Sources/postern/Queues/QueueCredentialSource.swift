internal import BrokerLink
internal import Crypto
internal import EnrollmentClient
internal import EnrollmentProtocol
internal import Foundation
internal import HTTPProblems
internal import IdentityStore
internal import Logging
internal import MachineIdentity
internal import RelayFormat

/// Fetches the queue credentials of one process start, and proves at the link that they are its own.
///
/// A process works with the queue that the first of them names: when another one is named, it has to begin anew.
actor QueueCredentialSource {
    /// How long a credential that was given out may be on its way to the link.
    private static let way = Duration.seconds(2)
    private static let pause = Duration.milliseconds(50)

    private let connection: TenantConnection
    private let boot: BootID
    private let isObserver: Bool
    private let logger: Logger
    /// Hands in the keys to which the tenant seals what only this machine may read.
    private let handIn: @Sendable () async -> Void
    /// The queue that the first answer named.
    private var place: BrokerEndpoint?
    /// What was fetched last, with the key that it names.
    private var held: (answer: QueueCredentialsAnswer, key: IdentityKey)?
    private var fetchedAt = Date.distantPast
    private var givenAt: ContinuousClock.Instant?
    private var inHand = 0
    private var isSwapping = false

    /// Makes a source.
    ///
    /// - Parameters:
    ///   - isObserver: whether the process only looks, and so takes no other one's place.
    ///   - handIn: hands in the keys to which the tenant seals what only this machine may read.
    init(
        connection: TenantConnection, boot: BootID, isObserver: Bool, logger: Logger,
        handIn: @escaping @Sendable () async -> Void
    ) {
        self.connection = connection
        self.boot = boot
        self.isObserver = isObserver
        self.logger = logger
        self.handIn = handIn
    }

    /// Fetches the first credential; persistently, until the tenant answers or refuses for good.
    ///
    /// - Parameters:
    ///   - renewal: renews the certificate when the tenant says that it has ended.
    ///   - waiting: is told why it has to wait.
    func first(
        persistently: Bool, renewal: CertificateRenewal?, waiting: WaitingRoom?
    ) async throws -> QueueCredentialsAnswer {
        var attempts = 0
        var hasHandedIn = false
        let begun = ContinuousClock.now
        while true {
            do throws(EnrollmentClientError) {
                let answer = try await ask().answer
                place = answer.broker.withoutSecrets
                if attempts > 0 {
                    logger.notice(
                        "Tenant reached",
                        metadata: [
                            "after_s": "\((ContinuousClock.now - begun).components.seconds)", "attempts": "\(attempts)",
                        ])
                }
                return answer
            } catch {
                if error.code == .certificateEnded, let renewal {
                    await renewal.noteEnd()
                    try await renewal.settle(waiting)
                    continue
                }
                if error.problem?.code == EnrollmentProblem.notReady.rawValue, !hasHandedIn {
                    // What is sealed to a key waits for the key.
                    hasHandedIn = true
                    await handIn()
                    continue
                }
                // A frozen connector waits for the person who lets it in again.
                let isFrozen = error.code == .frozen
                guard (error.isRetryable || isFrozen) && persistently else { throw error }
                attempts += 1
                waiting?.note(error)
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
        while isSwapping { try await Task.sleep(for: Self.pause) }
        inHand += 1
        defer {
            inHand -= 1
            givenAt = .now
        }
        let (answer, key) = try await current()
        let signature = try await key.signature(
            for: Array(LinkProof.bytes(nonce: nonce, token: answer.token)))
        return LinkCredential(token: answer.token, proof: Array(signature.rawRepresentation))
    }

    /// Does what makes the tenant refuse the credentials of the present key, while none of them is on its way.
    ///
    /// Whoever wants one meanwhile gets one of the new key.
    func swapping(
        _ body: @Sendable () async throws(EnrollmentClientError) -> Void
    ) async throws(EnrollmentClientError) {
        isSwapping = true
        defer { isSwapping = false }
        let end = ContinuousClock.now + Self.way * 3
        while ContinuousClock.now < end, inHand > 0 || givenAt.map({ $0 + Self.way > .now }) ?? false {
            do { try await Task.sleep(for: Self.pause) } catch { break }
        }
        try await body()
    }

    /// For how long the credential that is held needs no other one.
    var untilRefresh: Duration {
        guard let held else { return .seconds(1) }
        let left = held.answer.expiresAt.timeIntervalSinceNow - held.answer.expiresAt.timeIntervalSince(fetchedAt) / 2
        return .seconds(min(max(1, left), 3600))
    }

    /// The credential that is held, or another one where half of its life is over.
    ///
    /// - Throws: `LinkError` for a refusal; `CommandFailure` when the tenant has another queue.
    func current() async throws -> (answer: QueueCredentialsAnswer, key: IdentityKey) {
        if let held, held.key.fingerprint == connection.identity.key.fingerprint,
            held.answer.expiresAt.timeIntervalSinceNow > held.answer.expiresAt.timeIntervalSince(fetchedAt) / 2
        {
            return held
        }
        return try await fetch()
    }

    /// Another credential than the one that is held.
    func refreshed() async throws -> QueueCredentialsAnswer {
        while isSwapping { try await Task.sleep(for: Self.pause) }
        return try await fetch().answer
    }

    /// Asks whether the tenant still has the same queue.
    ///
    /// - Throws: `CommandFailure` when it has another one; nothing when it does not answer.
    func confirmPlace() async throws {
        do { _ = try await fetch() } catch let failure as CommandFailure { throw failure } catch {
            logger.debug("The queue's place is not confirmed", metadata: ["reason": "\(error)"])
        }
    }

    private func fetch() async throws -> (answer: QueueCredentialsAnswer, key: IdentityKey) {
        let fetched: (answer: QueueCredentialsAnswer, key: IdentityKey)
        do throws(EnrollmentClientError) {
            fetched = try await ask()
        } catch {
            switch error.code {
            case .rejected: throw LinkError(.refused(.revoked), error.message)
            case .frozen: throw LinkError(.refused(.frozen), error.message)
            case .replaced, .superseded: throw LinkError(.refused(.replaced), error.message)
            default: throw error
            }
        }
        if let place, place != fetched.answer.broker.withoutSecrets {
            throw CommandFailure(
                .network,
                "the tenant has another queue now (\(fetched.answer.broker.kind)), or reaches it in another way",
                advice: "Start the service again, which systemd does by itself.", reason: "queue-moved")
        }
        return fetched
    }

    private func ask() async throws(EnrollmentClientError) -> (answer: QueueCredentialsAnswer, key: IdentityKey) {
        let (boot, isObserver) = (boot, isObserver)
        let fetched = try await connection.call { http, identity async throws(EnrollmentClientError) in
            let calls = EnrollmentCalls.registered(over: http)
            return (try await calls.queueCredentials(bootID: "\(boot)", isObserver: isObserver), identity.key)
        }
        held = (answer: fetched.0, key: fetched.1)
        fetchedAt = .now
        return (answer: fetched.0, key: fetched.1)
    }
}

extension BrokerEndpoint {
    /// What makes a queue another one: all but what is renewed.
    fileprivate var withoutSecrets: BrokerEndpoint {
        var endpoint = self
        endpoint.kafka?.security.secret = nil
        endpoint.kafka?.security.authorities = nil
        endpoint.kafka?.security.user = nil
        return endpoint
    }
}
