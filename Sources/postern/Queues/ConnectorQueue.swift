internal import BrokerCore
internal import Connector

/// The way to the queue that the tenant has named, as a connector keeps it.
protocol ConnectorQueue: Sendable {
    /// The queue itself.
    var broker: any Broker { get }

    /// How it is reached just now.
    var connectivity: Connectivity { get }

    /// What it is, for people and programs.
    var place: ConnectorStatus.Queue { get }

    /// What to look at when it is not reached.
    var advice: String { get }

    /// Reaches it, and keeps it reached, until it is closed or the task is cancelled.
    ///
    /// - Throws: the refusal that trying again cannot mend.
    func run() async throws

    /// Calls the closure when the groups have to be joined again, over other connections.
    func onMove(_ body: @escaping @Sendable () -> Void)

    /// Looks soon whether what the tenant gives out has changed: the certificate was renewed, or the tenant has said that
    /// something is wrong.
    func lookAgain()

    /// Closes it.
    func close() async
}
