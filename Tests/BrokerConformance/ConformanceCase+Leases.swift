internal import BrokerCore
internal import RelayFormat

extension ConformanceCase {
    static let leases = [
        ConformanceCase("who leaves gives its records back as possible redeliveries") { stage in
            let sender = try await stage.connect(.dispatcher)
            let first = try await stage.connect(.connector).join(credit: 3)
            try await sender.work(["0", "1", "2"])
            let held = try await first.take(3)
            _ = try await first.complete([held[1]])
            await first.subscription.close()
            let second = try await stage.connect(.connector).join(credit: 3)
            let returned = try await second.take(2)
            let expected = [held[0], held[2]].map { text($0.payload) }.sorted()
            try expectEqual(returned.map { text($0.payload) }.sorted(), expected, "what came back")
            try expect(returned.allSatisfy(\.mayBeRedelivery), "records that were held are possible redeliveries")
            try expectEqual(try await second.complete(returned), [], "fenced")
        },
        ConformanceCase("who leaves gives its records to a waiting member at once", needs: [.leases]) { stage in
            let sender = try await stage.connect(.dispatcher)
            let first = try await stage.connect(.connector).join(credit: 3)
            try await sender.work(["0", "1", "2"])
            let held = try await first.take(3)
            _ = try await first.complete([held[1]])
            let second = try await stage.connect(.connector).join(credit: 3)
            await first.subscription.close()
            let returned = try await second.take(2)
            let expected = [held[0], held[2]].map { text($0.payload) }.sorted()
            try expectEqual(returned.map { text($0.payload) }.sorted(), expected, "what came back")
            try expect(returned.allSatisfy(\.mayBeRedelivery), "records that were held are possible redeliveries")
            try expectEqual(try await second.complete(returned), [], "fenced")
        },
        ConformanceCase("whose link is cut loses its records to another member", needs: [.cutsLinks]) { stage in
            let sender = try await stage.connect(.dispatcher)
            let client = try await stage.connect(.connector)
            let first = try await client.join(credit: 3)
            try await sender.work(["0", "1"])
            _ = try await first.take(2)
            let second = try await stage.connect(.connector).join(credit: 3)
            try await stage.cut(client)
            let returned = try await second.take(2)
            try expectEqual(returned.map { text($0.payload) }.sorted(), ["0", "1"], "what came back")
            try expect(returned.allSatisfy(\.mayBeRedelivery), "records that were held are possible redeliveries")
        },
        ConformanceCase("a second subscription of the same boot replaces the first") { stage in
            let sender = try await stage.connect(.dispatcher)
            let client = try await stage.connect(.connector)
            let former = try await client.join(credit: 2)
            try await sender.work(["0"])
            let lost = try await former.takeOne()
            let present = try await client.join(credit: 2)
            try expect(await former.subscription.next() == nil, "the first subscription ends")
            let returned = try await present.takeOne()
            try expectEqual(text(returned.payload), "0", "payload")
            try expectEqual(returned.mayBeRedelivery, true, "redelivery")
            try expect(returned.token != lost.token, "a new lease has a new token")
            try expectEqual(try await present.complete([lost]), [lost.token], "fenced")
            try expectEqual(try await present.complete([returned]), [], "fenced")
        },
        ConformanceCase("a lease that was not extended ends and is fenced", needs: [.turnsClock, .leases]) { stage in
            let sender = try await stage.connect(.dispatcher)
            let first = try await stage.connect(.connector).join(credit: 1)
            try await sender.work(["0"])
            let lost = try await first.takeOne()
            let second = try await stage.connect(.connector).join(credit: 1)
            try await sender.work(["1"])
            let other = try await second.takeOne()
            _ = try await second.complete([other])
            try await stage.site.advance(by: stage.limits.leaseTime + .seconds(1))
            let taken = try await second.takeOne()
            try expectEqual(text(taken.payload), "0", "payload")
            try expectEqual(taken.mayBeRedelivery, true, "redelivery")
            try expect(taken.token.leaseEpoch > lost.token.leaseEpoch, "the lease epoch grows")
            try expectEqual(try await first.takeRevoked(), [lost.token], "revoked")
            try expectEqual(try await first.subscription.extend([lost.token]), [lost.token], "fenced by extend")
            try expectEqual(try await first.complete([lost]), [lost.token], "fenced by complete")
            try expectEqual(try await second.complete([taken]), [], "fenced")
        },
        ConformanceCase("a lease that is extended goes on", needs: [.turnsClock, .leases]) { stage in
            let sender = try await stage.connect(.dispatcher)
            let member = try await stage.connect(.connector).join(credit: 1)
            try await sender.work(["0"])
            let delivery = try await member.takeOne()
            for _ in 0..<3 {
                try await stage.site.advance(by: stage.limits.leaseTime - .seconds(1))
                try expectEqual(try await member.subscription.extend([delivery.token]), [], "fenced by extend")
            }
            try expectEqual(try await member.complete([delivery]), [], "fenced by complete")
        },
        ConformanceCase("an expired record is settled and never delivered", needs: [.turnsClock]) { stage in
            let sender = try await stage.connect(.dispatcher)
            try await sender.send("late", to: .group(stage.groupPlace), living: .seconds(5))
            try await stage.site.advance(by: .seconds(6))
            try await sender.send("dead", to: .group(stage.groupPlace), living: .seconds(-1))
            try await sender.work(["in time"])
            let member = try await stage.connect(.connector).join(credit: 3)
            let delivery = try await member.takeOne()
            try expectEqual(text(delivery.payload), "in time", "first delivery")
        },
        ConformanceCase(
            "a record that expires in its holder's hands is not delivered again", needs: [.turnsClock, .leases]
        ) { stage in
            let sender = try await stage.connect(.dispatcher)
            let first = try await stage.connect(.connector).join(credit: 1)
            try await sender.send("late", to: .group(stage.groupPlace), living: .seconds(5))
            _ = try await first.takeOne()
            let second = try await stage.connect(.connector).join(credit: 2)
            try await stage.site.advance(by: .seconds(6))
            await first.subscription.close()
            try await sender.work(["in time"])
            try expectEqual(text(try await second.takeOne().payload), "in time", "first delivery")
        },
    ]
}
