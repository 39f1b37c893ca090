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
}
