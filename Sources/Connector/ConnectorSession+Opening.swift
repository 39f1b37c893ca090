internal import BrokerCore
internal import Logging
internal import RelayFormat
internal import Synchronization

/// What a session opens at its broker, which may be away, or may not know the connector yet.
extension ConnectorSession {
    private static let firstPause = Duration.milliseconds(100)
    private static let longestPause = Duration.seconds(3)

    /// Opens the inbox, again and again while the broker may let it happen later.
    ///
    /// A new connector is denied for the moment that the rules for it take to be made; one that is shut out learns of it
    /// from its tenant, not here.
    ///
    /// - Returns: nil when the session was told to end before.
    func openInbox() async throws -> (any Inbox)? {
        var pause = Self.firstPause
        while !Task.isCancelled {
            do throws(BrokerError) {
                return try await broker.openInbox(InboxPlace(tenant: identity.tenant, boot: identity.boot))
            } catch {
                guard Self.mayPass(error) else { throw error }
                if pause == Self.firstPause {
                    logger.warning("Inbox cannot be opened yet", metadata: ["reason": "\(error)"])
                }
            }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, Self.longestPause)
        }
        return nil
    }

    /// Joins the groups that it has not joined, as far as it could open what comes from them; those that cannot be joined
    /// just now are tried again a moment later.
    @discardableResult
    func joinGroups() async throws -> [GroupID: any GroupSubscription] {
        let joined = state.withLock { $0.subscriptions }
        var subscriptions: [GroupID: any GroupSubscription] = [:]
        for group in identity.groups.keys where joined[group] == nil && holdsEpoch(of: group) {
            do throws(BrokerError) {
                subscriptions[group] = try await broker.subscribe(
                    to: GroupPlace(tenant: identity.tenant, group: group), as: identity.boot,
                    credit: configuration.inFlight)
            } catch {
                guard Self.mayPass(error) else { throw error }
                logger.warning(
                    "Group cannot be joined yet", metadata: ["group": "\(group)", "reason": "\(error)"])
                // Owned by the session: it ends after a moment, and an order after the end is of no consequence.
                Task {
                    try? await Task.sleep(for: .seconds(1))
                    self.orders.put([.joinGroups])
                }
            }
        }
        state.withLock { $0.subscriptions.merge(subscriptions) { $1 } }
        return subscriptions
    }

    private static func mayPass(_ error: BrokerError) -> Bool { error.isRetryable || error.code == .denied }
}
