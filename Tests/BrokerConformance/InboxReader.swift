internal import BrokerCore

/// An inbox from which frames are taken by number.
final class InboxReader {
    let inbox: any Inbox
    private var waiting: [String] = []

    init(_ inbox: any Inbox) {
        self.inbox = inbox
    }

    /// Waits until so many frames are there, and takes them.
    func take(_ count: Int) async throws -> [String] {
        while waiting.count < count {
            guard let frames = await inbox.next() else {
                throw ConformanceFailure("the inbox ended, \(count - waiting.count) frames missing")
            }
            waiting.append(contentsOf: frames.map(text))
        }
        defer { waiting.removeFirst(count) }
        return Array(waiting.prefix(count))
    }
}
