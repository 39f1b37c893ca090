/// How late a task was at most that wants to run every 10 ms: how long Swift's own threads were all taken.
public func longestPause(within time: Duration) async -> Duration {
    let limit = ContinuousClock.now + time
    var (last, longest) = (ContinuousClock.now, Duration.zero)
    while last < limit {
        try? await Task.sleep(for: .milliseconds(10))
        let now = ContinuousClock.now
        longest = max(longest, now - last)
        last = now
    }
    return longest
}
