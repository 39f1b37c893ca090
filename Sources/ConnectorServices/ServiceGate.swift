/// Holds the requests of one service to its limits: how many at a time, how many a second.
public protocol ServiceGate: Sendable {
    /// Asks for leave to begin one more request.
    ///
    /// - Returns: false when a limit is reached; otherwise `leave` is called once, when the request has ended.
    func enter() -> Bool

    /// A request that had entered has ended, or was given back before it began.
    func leave()
}
