internal import CertificateAuthority
internal import Dispatcher
internal import EnrollmentService
internal import Foundation
internal import KafkaTopology
internal import Logging
internal import MachineIdentity
internal import RelayFormat
internal import ServiceLifecycle
internal import Synchronization

/// The dispatcher of this process as one of several: its row in the register, its inbox slot, its way to the others.
final class InstanceService: Service {
    private static let interval = Duration.seconds(30)
    private static let retryDelay = Duration.seconds(5)

    /// Which of the dispatchers it is.
    let instance: DispatcherInstance
    /// This process.
    let boot: BootID
    /// All of them.
    let network: InstanceNetwork
    private let lease: InboxLease?
    private let register: InstanceRegister
    private let advertised: AdvertisedAddress
    private let logger: Logger
    private let address = Mutex<String?>(nil)
    private let hasSlot = Mutex(true)

    /// Enters an instance into the register, and leases a slot for its process.
    ///
    /// - Parameter layout: that of the Kafka on which dispatchers lie side by side; nil for the embedded broker.
    init(
        _ installation: Installation, name: String, advertise: String?, layout: KafkaLayout?, logger: Logger
    ) async throws {
        let settings = installation.settings
        advertised = try AdvertisedAddress(stated: advertise, publicURL: settings.publicURL, hosts: settings.hosts)
        register = InstanceRegister(installation)
        self.logger = logger
        let entered = try await register.enter(name, at: .now)
        instance = entered
        if let layout {
            let lease = try await register.lease(of: layout.inboxSlots, for: entered, at: .now) { slot in
                layout.bootID(inSlot: slot, near: .random())
            }
            self.lease = lease
            boot = lease.boot
        } else {
            lease = nil
            boot = .random()
        }
        // A certificate that was brought along may come from a company's CA, which stands behind it.
        let trust: InstanceClient.Trust =
            settings.hosts.isEmpty
            ? .system(andPEM: installation.tlsChainPEM)
            : .roots(pem: CertificatePEM.encode([installation.authority.rootCertificate]))
        network = InstanceNetwork(
            own: entered.id, source: RegisteredInstances(register: register),
            transport: try InstanceClient(trust: trust), logger: logger)
    }

    /// Tells the others where this one is reached, as soon as it is.
    func listening(on port: Int) {
        address.withLock { $0 = advertised.text(port: port) }
    }

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await self.showLife() }
        try await register.noteEnd(of: instance.id, lease: lease, version: PosternVersion.text, at: .now)
    }

    private func showLife() async throws {
        while !Task.isCancelled {
            var pause = Self.interval
            let known = address.withLock { $0 }
            do {
                let isThere = try await register.note(
                    instance.id, boot: boot, address: known, version: PosternVersion.text, at: .now)
                guard isThere else {
                    throw CommandFailure(
                        .usage,
                        "the dispatcher instance \"\(instance.name)\" was removed: it ends. Start none of its name.")
                }
                if let lease { note(isOurs: try await register.renew(lease, of: instance.id, at: .now)) }
            } catch let error as CommandFailure {
                throw error
            } catch {
                logger.warning("The register of dispatchers cannot be written", metadata: ["reason": "\(error)"])
                pause = Self.retryDelay
            }
            // The port is not open yet; the others are to know it as soon as it is.
            if known == nil { pause = .milliseconds(100) }
            try? await Task.sleep(for: pause)
        }
    }

    /// A process that was stopped for long finds its slot taken.
    ///
    /// It goes on: both read over what is not theirs.
    private func note(isOurs: Bool) {
        let before = hasSlot.withLock { slot in
            defer { slot = isOurs }
            return slot
        }
        guard before != isOurs else { return }
        let metadata: Logger.Metadata = ["slot": "\(lease?.slot ?? -1)", "instance": "\(instance.name)"]
        if isOurs {
            logger.notice("The inbox slot is leased again", metadata: metadata)
        } else {
            logger.warning(
                "Another dispatcher has this one's inbox slot; the next start leases a free one", metadata: metadata)
        }
    }
}

/// Hears from the registry who was revoked, frozen or let in again by another process.
struct StandingService: Service {
    let feed: StandingFeed
    let dispatcher: DispatchService

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await feed.run { tenant, connector, standing in dispatcher.follow(standing, of: connector, in: tenant) }
        }
    }
}
