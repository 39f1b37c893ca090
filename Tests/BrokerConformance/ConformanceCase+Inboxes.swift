internal import BrokerCore
internal import RelayFormat

extension ConformanceCase {
    /// How inboxes keep what is for them.
    public static let inboxes = [
        ConformanceCase("an inbox keeps the order of each sender") { stage in
            let reader = try await stage.connect(.dispatcher)
            let inbox = try await reader.openInbox()
            let place = Place.inbox(reader.party.inboxPlace)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for name in ["a", "b"] {
                    let sender = try await stage.connect(.connector)
                    group.addTask {
                        for number in 0..<100 { try await sender.send("\(name)\(number)", to: place) }
                    }
                }
                try await group.waitForAll()
            }
            let frames = try await inbox.take(200)
            for name in ["a", "b"] {
                try expectEqual(
                    frames.filter { $0.hasPrefix(name) }, (0..<100).map { "\(name)\($0)" }, "order of \(name)")
            }
        },
        ConformanceCase("control frames pass data") { stage in
            let reader = try await stage.connect(.connector)
            let inbox = try await reader.openInbox()
            let sender = try await stage.connect(.dispatcher)
            let place = Place.inbox(reader.party.inboxPlace)
            let outcomes = await sender.broker.send([
                sender.record("d0", to: place, lane: .data), sender.record("c0", to: place, lane: .control),
                sender.record("d1", to: place, lane: .data), sender.record("c1", to: place, lane: .control),
            ])
            try expectEqual(outcomes, [.stored, .stored, .stored, .stored], "outcomes")
            let frames = try await inbox.take(4)
            if sender.broker.capabilities.keepsOrder {
                try expectEqual(frames, ["c0", "c1", "d0", "d1"], "frames")
            }
            for lane in ["c", "d"] {
                try expectEqual(frames.filter { $0.hasPrefix(lane) }, ["\(lane)0", "\(lane)1"], "lane \(lane)")
            }
        },
        ConformanceCase("no frame is lost that is sent once the opening has returned") { stage in
            let sender = try await stage.connect(.dispatcher)
            for number in 0..<25 {
                let reader = try await stage.connect(.connector)
                let inbox = try await reader.openInbox()
                try await sender.send("\(number)", to: .inbox(reader.party.inboxPlace))
                try expectEqual(try await inbox.take(1), ["\(number)"], "first frame")
            }
        },
        ConformanceCase("a second opening replaces the first, and watchers see it closed") { stage in
            let sender = try await stage.connect(.dispatcher)
            let watcher = try await sender.watch()
            let reader = try await stage.connect(.connector)
            let former = try await reader.openInbox()
            let present = try await reader.openInbox()
            try expect(await former.inbox.next() == nil, "the first opening ends")
            try expectEqual(try await watcher.next(), .closed(reader.party.boot), "event")
            await former.inbox.close()
            try await sender.send("for the second", to: .inbox(reader.party.inboxPlace))
            try expectEqual(try await present.take(1), ["for the second"], "frame")
        },
        ConformanceCase("a frame to an inbox that nobody has open is gone") { stage in
            let sender = try await stage.connect(.dispatcher)
            let reader = try await stage.connect(.connector)
            try await sender.send("too early", to: .inbox(reader.party.inboxPlace))
            let inbox = try await reader.openInbox()
            try await sender.send("in time", to: .inbox(reader.party.inboxPlace))
            try expectEqual(try await inbox.take(1), ["in time"], "first frame")
        },
    ]
}
