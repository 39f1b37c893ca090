internal import BrokerLink
internal import ServiceLifecycle

/// Keeps the link for as long as the services before it in the group need it.
struct LinkService: Service {
    let link: LinkClient

    func run() async throws {
        // At shutdown the session ends first and is stopped last: the link is cancelled only when the group ends.
        try await cancelWhenGracefulShutdown { try await link.run() }
    }
}
