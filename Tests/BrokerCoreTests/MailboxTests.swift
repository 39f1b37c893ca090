import BrokerCore
import Testing

@Suite struct MailboxTests {
    @Test func allThatWaitsIsTakenAtOnceAndInOrder() async {
        let mailbox = Mailbox<Int>()
        mailbox.put([1, 2])
        mailbox.put([3])
        #expect(await mailbox.take() == [1, 2, 3])
    }

    @Test func aReceiverThatWaitsIsWoken() async {
        let mailbox = Mailbox<Int>()
        async let taken = mailbox.take()
        await Task.yield()
        mailbox.put([1])
        #expect(await taken == [1])
    }

    @Test func whatDoesNotFitIsRefusedAsAWhole() async {
        let mailbox = Mailbox<Int>(capacity: 2)
        #expect(mailbox.put([1]))
        #expect(!mailbox.put([2, 3]))
        #expect(mailbox.put([4]))
        #expect(await mailbox.take() == [1, 4])
    }

    @Test func aClosedMailboxGivesWhatItHoldsAndThenNil() async {
        let mailbox = Mailbox<Int>()
        mailbox.put([1])
        mailbox.close()
        #expect(!mailbox.put([2]))
        #expect(await mailbox.take() == [1])
        #expect(await mailbox.take() == nil)
    }

    @Test func aCancelledReceiverGetsNil() async {
        let mailbox = Mailbox<Int>()
        let taken = await withTaskGroup(of: [Int]?.self) { group in
            group.addTask { await mailbox.take() }
            group.cancelAll()
            return await group.next()
        }
        #expect(taken == .some(nil))
    }

    @Test func whatIsSentOnGathersWhileEnoughIsUnderWay() async throws {
        let mailbox = Mailbox<Int>()
        let prepared = Mailbox<[Int]>()
        let begun = Mailbox<(batch: [Int], leave: Mailbox<Void>)>()
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask {
                await mailbox.sendOn(atMost: 2) { batch in
                    prepared.put([batch])
                    return batch == [0] ? nil : batch
                } sending: { batch in
                    let leave = Mailbox<Void>()
                    begun.put([(batch, leave)])
                    _ = await leave.take()
                }
                prepared.close()
            }
            mailbox.put([0])
            #expect(await prepared.take() == [[0]])
            mailbox.put([1])
            let first = try #require(await begun.take()?.first)
            #expect(first.batch == [1])
            mailbox.put([2])
            let second = try #require(await begun.take()?.first)
            #expect(second.batch == [2])
            // Two are under way: what comes now waits for one of them, together.
            for number in 3...5 {
                mailbox.put([number])
                for _ in 0..<100 { await Task.yield() }
            }
            first.leave.close()
            let third = try #require(await begun.take()?.first)
            #expect(third.batch == [3, 4, 5])
            second.leave.close()
            third.leave.close()
            mailbox.close()
            #expect(await prepared.take() == [[1], [2], [3, 4, 5]])
            #expect(await prepared.take() == nil)
        }
    }
}
