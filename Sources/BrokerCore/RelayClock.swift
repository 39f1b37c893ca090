public import RelayFormat

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Tells the time on the tenant's clock; passed in wherever time matters, so that tests can turn it.
public struct RelayClock: Sendable {
    private let read: @Sendable () -> RelayTime

    /// Makes a clock from a way to tell the time.
    public init(_ read: @escaping @Sendable () -> RelayTime) {
        self.read = read
    }

    /// The present moment.
    public var now: RelayTime { read() }

    /// The clock of this machine.
    public static let system = RelayClock {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return RelayTime(milliseconds: UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000)
    }
}
