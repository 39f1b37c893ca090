public import EnrollmentProtocol
internal import Foundation
public import Logging
public import RelayFormat
internal import Synchronization

/// Hands the epochs of all groups of an installation to those in this process who need them.
public struct EpochFeed: Sendable {
    /// An epoch that a group has from now on.
    public struct Published: Sendable {
        /// The tenant.
        public let tenant: TenantReference
        /// The key of the tenant's Key Authority in PEM.
        public let keyAuthority: String
        /// The group.
        public let group: GroupID
        /// The epoch's number.
        public let number: UInt32
        /// The manifest, as `EpochManifest` reads it.
        public let manifest: [UInt8]
    }

    private let registry: Registry
    private let logger: Logger

    /// Makes a feed.
    public init(installation: Installation, logger: Logger) {
        registry = installation.registry
        self.logger = logger
    }

    /// The present epochs of all groups, for the start.
    public func present() async throws(EnrollmentServiceError) -> [Published] { try await read(after: 0).epochs }

    /// Tells the present epochs, then each new one, until it is cancelled: one at a time, those of one group in order.
    public func run(_ tell: @escaping @Sendable (Published) async -> Void) async {
        let position = Mutex<Int64>(0)
        await RegistryPulse(registry: registry, table: "epochs").run {
            do {
                let (epochs, last) = try await read(after: position.withLock { $0 })
                for epoch in epochs { await tell(epoch) }
                position.withLock { $0 = last }
            } catch {
                logger.error("Epochs cannot be read", metadata: ["reason": "\(error)"])
            }
        }
    }

    private func read(
        after sequence: Int64
    ) async throws(EnrollmentServiceError) -> (epochs: [Published], last: Int64) {
        do {
            var (found, last) = ([Published](), sequence)
            let tenants = Dictionary(
                try await registry.presentTenants().map { ($0.id, $0) }, uniquingKeysWith: { one, _ in one })
            while true {
                let batch = try await registry.presentEpochs(after: last)
                guard let end = batch.last?.sequence else { return (found, last) }
                last = end
                found += batch.compactMap { epoch in
                    guard let tenant = tenants[epoch.tenantID], let group = GroupID(epoch.groupID) else { return nil }
                    return Published(
                        tenant: tenant.reference, keyAuthority: tenant.keyAuthority, group: group, number: epoch.number,
                        manifest: epoch.manifest)
                }
            }
        } catch {
            throw EnrollmentServiceError(.registry, "The epochs cannot be read: \(error)")
        }
    }
}
