internal import BrokerCore
internal import RelayFormat

extension ConformanceCase {
    static let ends = [
        ConformanceCase("closing a reader ends who waits at it") { stage in
            let client = try await stage.connect(.connector)
            let subscription = try await client.broker.subscribe(
                to: stage.groupPlace, as: client.party.boot, credit: 1)
            let inbox = try await client.broker.openInbox(client.party.inboxPlace)
            async let events = subscription.next()
            async let frames = inbox.next()
            await subscription.close()
            await inbox.close()
            try expect(await events == nil, "a closed subscription ends")
            try expect(await frames == nil, "a closed inbox ends")
            await subscription.close()
            await inbox.close()
        },
        ConformanceCase("a cancelled reader stops waiting and loses nothing") { stage in
            let sender = try await stage.connect(.dispatcher)
            let client = try await stage.connect(.connector)
            let subscription = try await client.broker.subscribe(
                to: stage.groupPlace, as: client.party.boot, credit: 1)
            try await withThrowingTaskGroup(of: Bool.self) { group in
                group.addTask { await subscription.next() == nil }
                group.cancelAll()
                try expectEqual(try await group.next(), true, "a cancelled wait gives nil")
            }
            try await sender.work(["0"])
            let delivery = try await Member(subscription, credit: 1).takeOne()
            try expectEqual(text(delivery.payload), "0", "payload")
        },
        ConformanceCase("closing the broker ends all its readers and refuses what follows") { stage in
            let client = try await stage.connect(.connector)
            let subscription = try await client.broker.subscribe(
                to: stage.groupPlace, as: client.party.boot, credit: 1)
            let inbox = try await client.broker.openInbox(client.party.inboxPlace)
            async let events = subscription.next()
            async let frames = inbox.next()
            await client.broker.close()
            try expect(await events == nil, "the subscription ends")
            try expect(await frames == nil, "the inbox ends")
            let outcomes = await client.broker.send([client.record("late", to: .presence(stage.tenant))])
            try expectEqual(outcomes, [.failed(BrokerError(.closed, ""))], "outcome")
            do {
                _ = try await client.broker.openInbox(client.party.inboxPlace)
                throw ConformanceFailure("a closed broker opens nothing")
            } catch let error as BrokerError {
                try expectEqual(error, BrokerError(.closed, ""), "error")
            }
        },
    ]
}
