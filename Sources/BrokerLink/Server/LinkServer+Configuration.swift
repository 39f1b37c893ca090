extension LinkServer {
    /// The limits of a link server.
    public struct Configuration: Sendable {
        /// How long a client may take to authenticate.
        public var authenticationTimeout: Duration
        /// How silence is noticed.
        public var timing: LinkTiming
        /// The most links at a time.
        public var maximumLinks: Int
        /// The most groups, inboxes and watches that one link has open.
        public var maximumOpenings: Int
        /// The most credit that one subscription has.
        public var maximumCredit: Int
        /// The most bytes of one link that wait to be worked on; beyond it nothing more is read.
        public var heldBytes: Int

        /// Makes a configuration with the usual limits.
        public init(
            authenticationTimeout: Duration = .seconds(5), timing: LinkTiming = LinkTiming(),
            maximumLinks: Int = 8192, maximumOpenings: Int = 256, maximumCredit: Int = 4096, heldBytes: Int = 8 << 20
        ) {
            self.authenticationTimeout = authenticationTimeout
            self.timing = timing
            self.maximumLinks = maximumLinks
            self.maximumOpenings = maximumOpenings
            self.maximumCredit = maximumCredit
            self.heldBytes = heldBytes
        }
    }
}
