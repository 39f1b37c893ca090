internal import BrokerCore
internal import RelayFormat

extension ConformanceCase {
    static let limits = [
        ConformanceCase(
            "a full group refuses with a time to try again, and recovers", needs: [.obeysLimits],
            limits: { $0.groupRecords = 8 }
        ) { stage in
            let sender = try await stage.connect(.dispatcher)
            let outcomes = await sender.broker.send(
                (0..<10).map { sender.record("\($0)", to: .group(stage.groupPlace)) })
            try expectEqual(outcomes.prefix(8), [SendOutcome](repeating: .stored, count: 8)[...], "outcomes")
            for outcome in outcomes.suffix(2) {
                guard case .failed(let error) = outcome, case .overloaded(let wait) = error.code else {
                    throw ConformanceFailure("overloaded expected, \(outcome) seen")
                }
                try expect(wait > .zero, "a time to wait")
            }
            let member = try await stage.connect(.connector).join(credit: 8)
            let held = try await member.take(8)
            _ = try await member.complete(Array(held.prefix(2)))
            try await sender.work(["8", "9"])
            try expectEqual(try await member.take(2).map { text($0.payload) }, ["8", "9"], "after the recovery")
        },
        ConformanceCase(
            "a group is bounded by bytes too", needs: [.obeysLimits], limits: { $0.groupBytes = 10_000 }
        ) { stage in
            let sender = try await stage.connect(.dispatcher)
            let large = OutgoingRecord(
                to: .group(stage.groupPlace), payload: Array(repeating: 1, count: 6_000),
                expiresAt: stage.site.clock.now + .seconds(60))
            let outcomes = await sender.broker.send([large, large])
            try expectEqual(outcomes[0], .stored, "first")
            guard case .failed(let error) = outcomes[1], case .overloaded = error.code else {
                throw ConformanceFailure("overloaded expected, \(outcomes[1]) seen")
            }
        },
        ConformanceCase("the largest payload passes, and one byte more is refused") { stage in
            let sender = try await stage.connect(.dispatcher)
            let member = try await stage.connect(.connector).join(credit: 1)
            let size = sender.broker.capabilities.largestPayload
            var record = OutgoingRecord(
                to: .group(stage.groupPlace), payload: (0...size).map { UInt8(truncatingIfNeeded: $0) },
                expiresAt: stage.site.clock.now + .seconds(60))
            let refused = await sender.broker.send([record])
            try expectEqual(refused, [.failed(BrokerError(.tooLarge, ""))], "outcome")
            record.payload.removeLast()
            try await sender.broker.send(record)
            let delivery = try await member.takeOne()
            try expect(delivery.payload == record.payload, "the payload comes as it was sent")
        },
    ]
}
