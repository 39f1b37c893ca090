internal import Crypto
internal import Dispatcher
internal import EnrollmentProtocol
internal import EnrollmentService
internal import Foundation
internal import Logging
internal import MachineIdentity
internal import BrokerCore
internal import RelayFormat
internal import RelayKeys
internal import RelaySealing
internal import ServiceLifecycle
internal import Synchronization

/// The dispatcher's keys and epochs, in all tenants of the installation.
///
/// Its keys are handed in from time to time; each epoch that is cut for a group reaches the keyring of its tenant at once.
final class DispatcherKeys: Service {
    /// What is known of a tenant.
    private struct Known {
        var keeper: EpochKeeper?
        var authority: String?
        var manifests: [GroupID: EpochManifest] = [:]
    }

    private let membership: DispatcherMembership
    private let feed: EpochFeed
    private let logger: Logger
    private let tenants = Mutex<[TenantID: Known]>([:])
    /// Told of tenants whose dispatcher has just begun.
    private let beginnings = Mailbox<Void>()
    /// Told of epochs that were taken into use.
    private let installations = Mailbox<Void>()
    /// The key that opened the last epoch, which is that of most.
    private let latestKey = Mutex<HPKEPrivateKey?>(nil)

    init(installation: Installation, instance: DispatcherInstance, logger: Logger) async throws {
        membership = try await DispatcherMembership.open(installation, instance: instance, logger: logger)
        feed = EpochFeed(installation: installation, logger: logger)
        self.logger = logger
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.membership.run() }
                group.addTask { await self.join() }
                group.addTask { await self.retire() }
                group.addTask { await self.feed.run { await self.take($0) } }
            }
        }
    }

    /// What the dispatcher seals by as the given party.
    func keys(for party: Party) -> TenantKeys {
        let keeper = EpochKeeper(
            keyring: Keyring(party: party), source: Source(keys: self, tenant: party.tenant), clock: .system,
            logger: logger)
        tenants.withLock { $0[party.tenant, default: Known()].keeper = keeper }
        beginnings.put(CollectionOfOne(()))
        return TenantKeys(keeper) { [weak self] in
            self?.tenants.withLock { $0[party.tenant].map { Array($0.manifests.keys) } } ?? []
        }
    }

    /// Hands the keys in as soon as there is another tenant.
    private func join() async {
        while await beginnings.take() != nil {
            do {
                try await membership.register()
            } catch {
                logger.error("The dispatcher's keys cannot be handed in", metadata: ["reason": "\(error)"])
            }
        }
    }

    private func take(_ published: EpochFeed.Published) async {
        guard let tenant = TenantID(published.tenant.id) else { return }
        do {
            let manifest = try EpochManifest(decoding: published.manifest)
            let keeper = tenants.withLock { tenants in
                tenants[tenant, default: Known()].manifests[published.group] = manifest
                tenants[tenant]?.authority = published.keyAuthority
                return tenants[tenant]?.keeper
            }
            try await keeper?.install(manifest)
        } catch {
            logger.error(
                "Key epoch cannot be taken into use",
                metadata: ["tenant": "\(published.tenant.slug)", "group": "\(published.group)", "reason": "\(error)"])
        }
    }

    /// Erases the HPKE keys that no tenant's epochs need any more, once for all epochs that have come meanwhile.
    private func retire() async {
        while await installations.take() != nil {
            let keepers = tenants.withLock { $0.values.compactMap(\.keeper) }
            do {
                try await membership.retire(openedWith: keepers.flatMap(\.keyring.keysInUse))
            } catch {
                logger.error("Former keys cannot be erased", metadata: ["reason": "\(error)"])
            }
        }
    }

    /// The private half of an HPKE key of the dispatcher; the file is read only when it is another one than the last.
    private func hpkeKey(for publicKey: HPKEPublicKey) async throws -> HPKEPrivateKey? {
        if let latest = latestKey.withLock({ $0 }), latest.publicKey == publicKey { return latest }
        let key = try await membership.hpkeKey(for: publicKey)
        if let key { latestKey.withLock { $0 = key } }
        return key
    }

    /// One tenant's epochs.
    private struct Source: EpochSource {
        let keys: DispatcherKeys
        let tenant: TenantID

        func manifest(of group: GroupID, unless known: CoreHash?) async throws -> EpochManifest? {
            keys.tenants.withLock { tenants in
                guard let manifest = tenants[tenant]?.manifests[group], manifest.core.hash != known else { return nil }
                return manifest
            }
        }

        func authority() async throws -> P256.Signing.PublicKey {
            guard let pem = keys.tenants.withLock({ $0[tenant]?.authority }) else {
                throw SealingError(.keyAuthority, "the tenant's Key Authority is not known")
            }
            return try P256.Signing.PublicKey(pemRepresentation: pem)
        }

        func keys(for entry: EpochMember) async throws -> MemberKeys? {
            guard entry.identityKey.rawRepresentation == keys.membership.identity.publicKey.rawRepresentation,
                let hpke = try await keys.hpkeKey(for: entry.hpkeKey)
            else { return nil }
            return MemberKeys(identity: keys.membership.identity.signing, hpke: hpke)
        }

        func installed(_ core: EpochCore, in keyring: Keyring) async { keys.installations.put(CollectionOfOne(())) }
    }
}
