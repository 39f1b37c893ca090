internal import DurableFiles
internal import Foundation
internal import TestTools
internal import Testing

@Suite(.timeLimit(.minutes(1))) struct BlockingTests {
    @Test func `work that blocks, more of it than there are processors, holds up no task`() async {
        let longest = await withTaskGroup(of: Duration?.self) { group in
            group.addTask { await longestPause(within: .milliseconds(800)) }
            for _ in 0..<4 * ProcessInfo.processInfo.activeProcessorCount {
                group.addTask {
                    await Blocking.run { Thread.sleep(forTimeInterval: 0.8) }
                    return nil
                }
            }
            return await group.reduce(Duration.zero) { max($0, $1 ?? .zero) }
        }
        #expect(longest < .milliseconds(400), "a task that is ready waits for none of them: \(longest)")
    }

    @Test func `what the work gives and throws comes back`() async {
        #expect(await Blocking.run { 6 * 7 } == 42)
        await #expect(throws: CancellationError.self) { try await Blocking.run { throw CancellationError() } }
    }
}
