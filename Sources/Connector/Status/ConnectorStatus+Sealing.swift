extension ConnectorStatus {
    /// By what the connector seals, and what it has refused.
    public struct Sealing: Codable, Sendable, Equatable {
        /// How the epoch of one group stands.
        public struct Epoch: Codable, Sendable, Equatable {
            /// The group's name.
            public var group: String
            /// The epoch's number; nil when none is held.
            public var number: UInt32?
            /// When it ends, RFC 3339 on the tenant's clock; nil when none is held.
            public var ends: String?
            /// Why the newest could not be fetched the last time, or that its successor is missing; nil when all is well.
            public var trouble: String?
        }

        /// The epochs of the connector's groups, by the groups' names.
        public var epochs: [Epoch]
        /// How many records were refused since the start, by the reason.
        public var refused: [String: UInt64]
    }

    /// Says how the epochs stand, and what to do when that is the trouble.
    mutating func tell(_ sealing: Sealing) {
        self.sealing = sealing
        let missing = sealing.epochs.filter { $0.number == nil }.map(\.group)
        let trouble = sealing.epochs.compactMap(\.trouble).first
        guard !missing.isEmpty, state == .unproven || state == .online else {
            if let trouble, nextAction == nil { nextAction = "key epoch: \(trouble)" }
            return
        }
        reason = "no key epoch is held for \(missing.joined(separator: ", ")), so nothing can be sealed or opened there"
        nextAction =
            trouble ?? "if this lasts, ask the tenant's operator whether its Key Authority is running"
    }
}
