internal import BrokerCore
internal import RelayFormat

extension ConformanceCase {
    /// How records of groups are delivered and settled.
    public static let delivery = [
        ConformanceCase("a record is delivered once and completed") { stage in
            let sender = try await stage.connect(.dispatcher)
            let member = try await stage.connect(.connector).join(credit: 4)
            try await sender.work(["one"])
            let delivery = try await member.takeOne()
            try expectEqual(text(delivery.payload), "one", "payload")
            try expectEqual(delivery.mayBeRedelivery, false, "redelivery")
            try expectEqual(delivery.token.leaseEpoch, 1, "lease epoch")
            try expectEqual(try await member.complete([delivery]), [], "fenced")
            try await sender.work(["two"])
            try expectEqual(text(try await member.takeOne().payload), "two", "what follows a completed record")
        },
        ConformanceCase("what was sent before anybody joined is delivered, in order where the broker keeps one") {
            stage in
            let sender = try await stage.connect(.dispatcher)
            for number in 0..<20 { try await sender.work(["\(number)"]) }
            let member = try await stage.connect(.connector).join(credit: 20)
            let seen = try await member.take(20).map { text($0.payload) }
            let expected = (0..<20).map(String.init)
            if sender.broker.capabilities.keepsOrder { try expectEqual(seen, expected, "order") }
            try expectEqual(seen.sorted(), expected.sorted(), "records")
        },
        ConformanceCase("members compete: each record goes to one of them, and all have their share") { stage in
            let sender = try await stage.connect(.dispatcher)
            let first = try await stage.connect(.connector).join(credit: 100)
            let second = try await stage.connect(.connector).join(credit: 100)
            for number in 0..<100 { try await sender.work(["\(number)"]) }
            let ofFirst = try await first.take(25)
            let ofSecond = try await second.take(25)
            try expectEqual(try await first.complete(ofFirst) + second.complete(ofSecond), [], "fenced")
            await first.subscription.close()
            await second.subscription.close()
            let third = try await stage.connect(.connector).join(credit: 100)
            var seen = ofFirst + ofSecond
            while stage.first(of: seen).count < 100 { seen.append(try await third.takeOne()) }
            let texts = stage.first(of: seen).map { text($0.payload) }
            try expectEqual(texts.sorted(), (0..<100).map(String.init).sorted(), "records over all members")
        },
        ConformanceCase("credit is never exceeded, and completing frees it") { stage in
            let sender = try await stage.connect(.dispatcher)
            let member = try await stage.connect(.connector).join(credit: 3)
            try await sender.work((0..<20).map(String.init))
            var held = try await member.take(3)
            var seen = held.map { text($0.payload) }
            while seen.count < 20 {
                _ = try await member.complete([held.removeFirst()])
                held.append(try await member.takeOne())
                seen += held.suffix(1).map { text($0.payload) }
            }
            try expectEqual(seen.sorted(), (0..<20).map(String.init).sorted(), "records")
        },
        ConformanceCase("what is beyond one member's credit is another's at once", needs: [.leases]) { stage in
            let sender = try await stage.connect(.dispatcher)
            let first = try await stage.connect(.connector).join(credit: 3)
            try await sender.work((0..<8).map(String.init))
            var held = try await first.take(3)
            let second = try await stage.connect(.connector).join(credit: 1)
            try expectEqual(text(try await second.takeOne().payload), "3", "the first record beyond the credit")
            for number in 4..<8 {
                _ = try await first.complete([held.removeFirst()])
                held.append(try await first.takeOne())
                try expectEqual(held.last.map { text($0.payload) }, "\(number)", "the next record")
            }
        },
        ConformanceCase("an array of 1000 records is stored, delivered and completed as one") { stage in
            let sender = try await stage.connect(.dispatcher)
            let member = try await stage.connect(.connector).join(credit: 1000)
            let texts = (0..<1000).map { "record \($0)" }
            try await sender.work(texts)
            let deliveries = try await member.take(1000)
            let seen = deliveries.map { text($0.payload) }
            if sender.broker.capabilities.keepsOrder { try expectEqual(seen, texts, "order") }
            try expectEqual(seen.sorted(), texts.sorted(), "records")
            try expectEqual(try await member.complete(deliveries), [], "fenced")
        },
        ConformanceCase("tenants are isolated, even under the same group id") { stage in
            let sender = try await stage.connect(.dispatcher)
            let other = TenantID.random()
            let stranger = try await stage.connect(.connector, tenant: other).join(credit: 10)
            let strangerSender = try await stage.connect(.dispatcher, tenant: other)
            let watcher = try await strangerSender.watch()
            try await sender.work(["ours"])
            try await sender.send("our beat", to: .presence(stage.tenant))
            try await strangerSender.work(["theirs"])
            try await strangerSender.send("their beat", to: .presence(other))
            try expectEqual(text(try await stranger.takeOne().payload), "theirs", "first record")
            try expectEqual(try await watcher.next(), .beat(Array("their beat".utf8)), "first event")
            let member = try await stage.connect(.connector).join(credit: 10)
            try expectEqual(text(try await member.takeOne().payload), "ours", "record of the own tenant")
        },
        ConformanceCase("a record asks for durability and gets it, or is refused") { stage in
            let sender = try await stage.connect(.dispatcher)
            let outcome = await sender.broker.send([
                sender.record("kept", to: .group(stage.groupPlace), durability: .disk)
            ])
            guard sender.broker.capabilities.durability >= .disk else {
                try expectEqual(outcome, [.failed(BrokerError(.notSupported, ""))], "outcome")
                return
            }
            try expectEqual(outcome, [.stored], "outcome")
            let member = try await stage.connect(.connector).join(credit: 1)
            let delivery = try await member.takeOne()
            try expectEqual(text(delivery.payload), "kept", "payload")
            try expectEqual(try await member.complete([delivery]), [], "fenced")
        },
    ]
}
