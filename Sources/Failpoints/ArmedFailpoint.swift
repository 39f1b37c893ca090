#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif
internal import Synchronization

#if DEBUG
    /// The failpoint that the environment of this process names, and how often it may still be passed.
    @usableFromInline
    final class ArmedFailpoint: Sendable {
        /// Read at the first passing, and never again.
        @usableFromInline
        static let current: ArmedFailpoint? = getenv("POSTERN_FAILPOINT").flatMap {
            ArmedFailpoint(String(cString: $0))
        }

        private let point: Failpoint
        private let remaining: Atomic<Int>

        /// Reads `name:N`; nil for a name that is none, or no count from 1.
        init?(_ text: String) {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, let point = Failpoint(rawValue: String(parts[0])), let count = Int(parts[1]),
                count > 0
            else { return nil }
            self.point = point
            remaining = Atomic(count)
        }

        @usableFromInline
        func pass(_ point: Failpoint) {
            guard point == self.point, isDue() else { return }
            kill(getpid(), SIGKILL)
            // The signal comes when it comes; until then this thread does nothing more.
            while true { pause() }
        }

        /// Counts one passing and tells whether it is the last.
        func isDue() -> Bool { remaining.subtract(1, ordering: .relaxed).newValue == 0 }
    }
#endif
