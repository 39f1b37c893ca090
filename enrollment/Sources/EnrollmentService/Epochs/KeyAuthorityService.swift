internal import AuditLog
internal import AuditStore
internal import Crypto
internal import DurableFiles
internal import Foundation
internal import IdentityStore
internal import KeyAuthority
public import Logging
internal import MachineIdentity
internal import Metrics
internal import RelayFormat
internal import RelaySealing

/// Cuts the epochs of all groups of an installation, whenever one is due.
///
/// It looks at the registry alone, so that nothing is missed over a restart, and nobody has to tell it anything. Two of
/// them over one registry do no harm: of two epochs that follow the same one, one is kept.
public actor KeyAuthorityService {
    private struct Standing {
        var changes: Int64 = -1
        var next = RelayTime(milliseconds: 0)
    }

    /// The present epoch of a group, read once.
    private struct Known {
        var sequence: Int64
        var core: EpochCore
        /// The key that has signed it, in PEM.
        var authority: String?
    }

    private static let retryDelay = Duration.seconds(5)

    private let installation: Installation
    private let rules: EpochRules
    private let suite: SealingSuite
    private let logger: Logger
    private let now: @Sendable () -> Date
    private var standings: [String: Standing] = [:]
    private var known: [String: Known] = [:]
    private let cut = Counter(label: "postern_key_authority_epochs_total")
    private let failed = Counter(label: "postern_key_authority_failures_total")

    /// Makes the service; its rules and suite are those of the installation's settings.
    public init(installation: Installation, logger: Logger) {
        self.init(installation: installation, logger: logger, now: { Date() })
    }

    init(installation: Installation, logger: Logger, now: @escaping @Sendable () -> Date) {
        self.installation = installation
        rules = installation.settings.epochRules
        suite = installation.settings.sealingSuite
        self.logger = logger
        self.now = now
    }

    /// Cuts what is due, again and again, until it is cancelled.
    public func run() async {
        await RegistryPulse(registry: installation.registry, table: "membership_changes").run { await self.advance() }
    }

    /// Cuts all that is due now.
    func advance() async {
        do {
            let changes = try await installation.registry.membershipChanges()
            let elsewhere = installation.settings.authoritiesElsewhere ?? []
            for tenant in try await installation.registry.presentTenants() where !elsewhere.contains(tenant.id) {
                let standing = standings[tenant.id] ?? Standing()
                let known = changes[tenant.id] ?? 0
                guard standing.changes != known || standing.next <= RelayTime(now()) else { continue }
                await look(at: tenant, changes: known)
            }
        } catch {
            failed.increment()
            logger.error("Epochs cannot be looked at", metadata: ["reason": "\(error)"])
        }
    }

    private func look(at tenant: Tenant, changes: Int64) async {
        let moment = RelayTime(now())
        do {
            let next = try await cutEpochs(of: tenant, at: moment)
            standings[tenant.id] = Standing(changes: changes, next: next)
        } catch {
            failed.increment()
            standings[tenant.id] = Standing(changes: changes, next: moment + Self.retryDelay)
            logger.error(
                "Epochs cannot be cut", metadata: ["tenant": "\(tenant.slug)", "reason": "\(error)"])
        }
    }

    /// Cuts the epochs of a tenant that are due.
    ///
    /// - Returns: when the next one is due, unless the members change.
    private func cutEpochs(of tenant: Tenant, at moment: RelayTime) async throws -> RelayTime {
        guard let tenantID = TenantID(tenant.id) else { return .never }
        let schedule = EpochSchedule(rules: rules)
        let groups = try await installation.registry.membership(
            of: tenant, suite: suite, grace: TimeInterval(rules.renewalGrace.components.seconds))
        var issuer: EpochIssuer?
        var next = RelayTime.never
        for group in groups {
            guard let id = GroupID(group.groupID) else { continue }
            let latest = try present(of: group, tenant)
            switch schedule.decide(
                group.candidates, suite: suite, after: latest?.core,
                isCurrentKey: latest.map { $0.authority == tenant.keyAuthority } ?? true, at: moment)
            {
            case .wait(let until): next = min(next, until)
            case .cut(let members, let reason):
                if issuer == nil { issuer = try await self.issuer(of: tenant, tenantID) }
                guard let signer = issuer else { continue }
                let epoch = try signer.cut(
                    for: members, of: id, suite: suite, after: latest?.core, at: moment, secret: EpochSecret())
                let isKept = try await installation.registry.publish(epoch, after: group.latest, at: moment.date)
                if isKept { note(epoch, reason, of: tenant) }
                // The members may end, and the interval too, before anything changes.
                next = min(next, isKept ? Self.end(members, moment + rules.interval) : moment)
            }
        }
        return next
    }

    /// The present epoch of a group; with many members it is not read at each look.
    private func present(of group: Registry.GroupMembership, _ tenant: Tenant) throws -> Known? {
        guard let latest = group.latest else {
            known[group.groupID] = nil
            return nil
        }
        if let held = known[group.groupID], held.sequence == latest.sequence, held.authority == tenant.keyAuthority {
            return held
        }
        let manifest = try EpochManifest(decoding: latest.manifest)
        let key = try P256.Signing.PublicKey(pemRepresentation: tenant.keyAuthority)
        let isSigned = (try? manifest.verify(by: key)) != nil
        let read = Known(
            sequence: latest.sequence, core: manifest.core, authority: isSigned ? tenant.keyAuthority : nil)
        known[group.groupID] = read
        return read
    }

    private static func end(_ members: [EpochCandidate], _ latest: RelayTime) -> RelayTime {
        min(members.map(\.until).min() ?? .never, latest)
    }

    private func issuer(of tenant: Tenant, _ id: TenantID) async throws -> EpochIssuer {
        let installation = installation
        let key = try await Blocking.run { try installation.keyAuthorityKey(of: tenant) }
        return EpochIssuer(tenant: id, key: key.signing, rules: rules)
    }

    private func note(_ manifest: EpochManifest, _ reason: EpochSchedule.Reason, of tenant: Tenant) {
        cut.increment()
        let core = manifest.core
        logger.info(
            "Epoch cut",
            metadata: [
                "tenant": "\(tenant.slug)", "group": "\(core.group)", "epoch": "\(core.number)",
                "members": "\(core.members.count)", "reason": "\(reason.rawValue)", "core": "\(core.hash)",
            ])
        installation.audit.recordSoon(
            AuditEvent(
                milliseconds: installation.audit.present, actor: .service, action: "epochs.cut",
                subject: "groups/\(core.group)",
                detail: [
                    "epoch": "\(core.number)", "members": "\(core.members.count)", "reason": reason.rawValue,
                    "core": "\(core.hash)",
                ]), in: tenant.id)
    }
}
