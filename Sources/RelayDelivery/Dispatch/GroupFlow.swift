/// How a group's queue moves: whether what was put in is being taken out, and how far.
///
/// A queue that moves gives its records out in about the order in which they came. So a record that waits in a backlog is
/// told from one that was lost: those that came after the lost one have been taken for some time.
struct GroupFlow: Sendable {
    /// When something of the queue was taken the last time.
    private var lastTaking: ContinuousClock.Instant?
    /// When the newest record was sent that has been taken; the same as it was at the last marks.
    private var newest: ContinuousClock.Instant?
    private var marked: (newest: ContinuousClock.Instant?, at: ContinuousClock.Instant)?
    private var markedBefore: (newest: ContinuousClock.Instant?, at: ContinuousClock.Instant)?

    /// A connector has taken a record that was sent at the given time.
    mutating func took(sentAt sent: ContinuousClock.Instant, at now: ContinuousClock.Instant) {
        lastTaking = now
        newest = max(newest ?? sent, sent)
        guard let marked else {
            self.marked = (newest, now)
            return
        }
        guard now - marked.at >= .milliseconds(500) else { return }
        markedBefore = marked
        self.marked = (newest, now)
    }

    /// Whether a record that is still there has only not had its turn.
    func isBacklog(sentAt sent: ContinuousClock.Instant, patience: Duration, at now: ContinuousClock.Instant) -> Bool {
        guard let lastTaking, now - lastTaking < patience else { return false }
        let overtaker = [markedBefore, marked].compactMap { $0 }.last { now - $0.at >= .milliseconds(500) }
        guard let overtaker, let newest = overtaker.newest else { return true }
        return newest <= sent
    }
}
