internal import Crypto
internal import EnrollmentClient
internal import EnrollmentProtocol
internal import Foundation
internal import HTTPProblems
public import IdentityStore
internal import KeyAuthority
public import Logging
internal import MachineIdentity
internal import RelayFormat
internal import RelaySealing

/// The Key Authority on a machine of its own: it fetches who is a member, checks the proofs, and brings the epochs.
///
/// The enrollment service can leave members out, and keep epochs back; it cannot bring a member in that has no
/// certificate of the installation, and it learns no epoch's secret.
public actor RemoteAuthority {
    private struct Desk {
        let tenant: RemoteSettings.Tenant
        let id: TenantID
        let key: MachineKey
        var membership: KeyAuthorityMembership?
        /// When something is due although nothing has changed.
        var next = RelayTime(milliseconds: 0)
        var failure: String?
    }

    /// Sends a request to the enrollment service.
    typealias Exchange =
        @Sendable (
            _ method: String, _ path: String, _ headers: [(name: String, value: String)], _ body: [UInt8]?
        ) async throws -> TenantResponse

    private static let pause = Duration.milliseconds(500)
    private static let retryDelay = Duration.seconds(5)
    private static let longestAnswer = 64 << 20

    private let settings: RemoteSettings
    private let exchange: Exchange
    private let end: @Sendable () async -> Void
    private let rules: EpochRules
    private let logger: Logger
    private let now: @Sendable () -> Date
    private var desks: [Desk]

    /// Opens what a state folder holds; nil where it is none of a Key Authority of its own.
    public static func open(_ folder: StateFolder, logger: Logger) throws -> RemoteAuthority? {
        guard let settings = try RemoteSettings.read(from: folder) else { return nil }
        let http = try TenantHTTPClient(
            .init(
                endpoint: try TenantEndpoint(settings.tenantURL), tls: ClientTLS(trust: settings.serverTrust),
                longestAnswer: longestAnswer))
        return try RemoteAuthority(settings: settings, folder: folder, logger: logger, now: { Date() }) {
            method, path, headers, body in
            try await http.exchange(method, path, headers: headers, body: body)
        } end: {
            await http.shutdown()
        }
    }

    init(
        settings: RemoteSettings, folder: StateFolder, logger: Logger, now: @escaping @Sendable () -> Date,
        exchange: @escaping Exchange, end: @escaping @Sendable () async -> Void = {}
    ) throws {
        self.settings = settings
        self.logger = logger
        self.now = now
        rules = EpochRules(interval: .seconds(settings.epochInterval), life: .seconds(settings.epochLife))
        self.exchange = exchange
        self.end = end
        desks = try settings.tenants.map { tenant in
            guard let id = TenantID(tenant.id), let content = try folder.read(tenant.keyFile) else {
                throw RemoteAuthorityError(
                    "the key of the tenant “\(tenant.slug)” is missing: \(folder.path)/\(tenant.keyFile)")
            }
            return Desk(
                tenant: tenant, id: id, key: try MachineKey(pem: String(decoding: content, as: UTF8.self)))
        }
    }

    /// Cuts what is due, again and again, until it is cancelled.
    public func run() async {
        while !Task.isCancelled {
            let failed = await advance()
            try? await Task.sleep(for: failed ? Self.retryDelay : Self.pause)
        }
        await end()
    }

    /// Cuts all that is due now.
    ///
    /// - Returns: whether something went wrong.
    @discardableResult
    func advance() async -> Bool {
        var hasFailed = false
        for place in desks.indices {
            do {
                try await work(at: place)
                if desks[place].failure != nil {
                    logger.notice("Epochs can be cut again", metadata: ["tenant": "\(desks[place].tenant.slug)"])
                }
                desks[place].failure = nil
            } catch {
                hasFailed = true
                let reason = "\(error)"
                defer { desks[place].failure = reason }
                guard desks[place].failure != reason else { continue }
                logger.error(
                    "Epochs cannot be cut", metadata: ["tenant": "\(desks[place].tenant.slug)", "reason": "\(reason)"])
            }
        }
        return hasFailed
    }

    private func work(at place: Int) async throws {
        let moment = RelayTime(milliseconds: UInt64(max(0, now().timeIntervalSince1970 * 1000)))
        let isDue = desks[place].next <= moment
        if let news = try await fetch(desks[place], unless: isDue ? nil : desks[place].membership?.changes) {
            desks[place].membership = news
        } else if !isDue {
            return
        }
        guard let membership = desks[place].membership else { return }
        desks[place].next = try await cut(membership, of: desks[place], at: moment)
    }

    private func cut(
        _ membership: KeyAuthorityMembership, of desk: Desk, at moment: RelayTime
    ) async throws -> RelayTime {
        guard let suite = UInt8(exactly: membership.suite).flatMap(SealingSuite.init(rawValue:)) else {
            throw RemoteAuthorityError("the suite \(membership.suite) is not known here")
        }
        let policy = try policy(membership, desk)
        let schedule = EpochSchedule(rules: rules)
        let issuer = EpochIssuer(tenant: desk.id, key: desk.key.signing, rules: rules)
        var next = RelayTime.never
        for group in membership.groups {
            guard let id = GroupID(group.id) else { continue }
            let latest = try present(group, desk, at: moment)
            let members = group.members.compactMap { candidate($0, policy, suite) }
            switch schedule.decide(
                members, suite: suite, after: latest?.core, isCurrentKey: latest?.isOurs ?? true, at: moment)
            {
            case .wait(let until): next = min(next, until)
            case .cut(let members, let reason):
                let epoch = try issuer.cut(
                    for: members, of: id, suite: suite, after: latest?.core, at: moment, secret: EpochSecret())
                try await bring(epoch, of: desk)
                logger.info(
                    "Epoch cut",
                    metadata: [
                        "tenant": "\(desk.tenant.slug)", "group": "\(id)", "epoch": "\(epoch.core.number)",
                        "members": "\(members.count)", "reason": "\(reason.rawValue)",
                    ])
                // What it looks like now is asked at the next look.
                next = moment
            }
        }
        return next
    }

    /// The present epoch of a group, and whether it is this key's.
    private func present(
        _ group: KeyAuthorityMembership.Group, _ desk: Desk, at moment: RelayTime
    ) throws -> (core: EpochCore, isOurs: Bool)? {
        guard let bytes = group.manifest else { return nil }
        let manifest = try EpochManifest(decoding: Array(bytes))
        guard manifest.core.tenant == desk.id, manifest.core.group.description == group.id else {
            throw RemoteAuthorityError("the enrollment service shows an epoch of another group")
        }
        let isOurs = (try? manifest.verify(by: desk.key.publicKey)) != nil
        // It may be the former key's. But whoever rules the enrollment service shall not drive the numbers to their end.
        guard isOurs || UInt64(manifest.core.number) <= moment.milliseconds / 1000 + 3600 else {
            throw RemoteAuthorityError("the enrollment service shows an epoch of the future that was not cut here")
        }
        return (manifest.core, isOurs)
    }

    private func policy(_ membership: KeyAuthorityMembership, _ desk: Desk) throws -> EvidencePolicy {
        let leaves = try MachineLeafPolicy(
            trustDomain: settings.trustDomain,
            intermediates: try membership.intermediates.flatMap { try CertificatePEM.decode($0) },
            roots: try CertificatePEM.decode(settings.root))
        var dispatchers: [MemberID: [UInt8]] = [:]
        for dispatcher in settings.dispatchers {
            if let id = MemberID(dispatcher.id) { dispatchers[id] = Array(dispatcher.identityKey) }
        }
        return EvidencePolicy(
            tenant: desk.id, slug: desk.tenant.slug, leaves: leaves, dispatchers: dispatchers)
    }

    private func candidate(
        _ member: KeyAuthorityMembership.Member, _ policy: EvidencePolicy, _ suite: SealingSuite
    ) -> EpochCandidate? {
        let role: MemberRole? = ["connector": .connector, "dispatcher": .dispatcher][member.role]
        guard let id = MemberID(member.id), let role else { return nil }
        let until = member.until.map { RelayTime(milliseconds: UInt64(max(0, $0.timeIntervalSince1970 * 1000))) }
        let evidence = MemberEvidence(
            id: id, role: role, certificate: member.certificate.flatMap { try? CertificatePEM.decode($0).first },
            identityKey: Array(member.identityKey), hpkeKey: Array(member.hpkeKey),
            signature: Array(member.signature), until: until ?? .never)
        do { return try policy.candidate(evidence, suite: suite, at: now()) } catch {
            logger.error("Member refused", metadata: ["reason": "\(error.message)"])
            return nil
        }
    }

    // MARK: The enrollment service

    private func fetch(_ desk: Desk, unless known: Int64?) async throws -> KeyAuthorityMembership? {
        let path = APIPath.membership + (known.map { "?changes=\($0)" } ?? "")
        let response = try await exchange("GET", path, try await headers(desk), nil)
        if response.status == 204 { return nil }
        guard response.status == 200 else { throw failure(response) }
        return try EnrollmentJSON.decode(KeyAuthorityMembership.self, from: Data(response.body))
    }

    private func bring(_ epoch: EpochManifest, of desk: Desk) async throws {
        let response = try await exchange(
            "POST", APIPath.epochs, headers(desk) + [("content-type", "application/octet-stream")], epoch.encoded)
        guard response.status == 204 else { throw failure(response) }
    }

    private func headers(_ desk: Desk) async throws -> [(name: String, value: String)] {
        var generator = SystemRandomNumberGenerator()
        let assertion = try await ClientAssertion.make(
            key: .memory(desk.key), connector: desk.tenant.id, tenantURL: settings.tenantURL,
            trustDomain: settings.trustDomain,
            now: now(), nonce: (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) })
        return [("authorization", "Bearer \(assertion.reveal())"), ("accept", "application/json")]
    }

    private func failure(_ response: TenantResponse) -> RemoteAuthorityError {
        RemoteAuthorityError(
            "the enrollment service answered \(response.status): \(response.problem?.detail ?? "without a reason")")
    }
}

/// Why a Key Authority on a machine of its own cannot do its work.
public struct RemoteAuthorityError: Error, CustomStringConvertible {
    /// What is wrong, and what to do about it.
    public let description: String

    init(_ description: String) { self.description = description }
}
