internal import BrokerCore
internal import RelayFormat

extension ConformanceCase {
    /// How beats and farewells are seen.
    public static let presence = [
        ConformanceCase("beats come to all watchers, in order") { stage in
            let first = try await stage.connect(.dispatcher).watch()
            let second = try await stage.connect(.dispatcher).watch()
            let member = try await stage.connect(.connector)
            for number in 0..<5 { try await member.send("\(number)", to: .presence(stage.tenant)) }
            for watcher in [first, second] {
                for number in 0..<5 {
                    try expectEqual(try await watcher.next(), .beat(Array("\(number)".utf8)), "event")
                }
            }
        },
        ConformanceCase("a watch shows nothing from before it began, and ends when it is closed") { stage in
            let member = try await stage.connect(.connector)
            try await member.send("before", to: .presence(stage.tenant))
            let watcher = try await stage.connect(.dispatcher).watch()
            try await member.send("after", to: .presence(stage.tenant))
            try expectEqual(try await watcher.next(), .beat(Array("after".utf8)), "first event")
            await watcher.watch.close()
            try expect(await watcher.watch.next() == nil, "a closed watch ends")
        },
        ConformanceCase("watchers see that an inbox is closed") { stage in
            let watcher = try await stage.connect(.dispatcher).watch()
            let member = try await stage.connect(.connector)
            let inbox = try await member.openInbox()
            try await member.send("alive", to: .presence(stage.tenant))
            try expectEqual(try await watcher.next(), .beat(Array("alive".utf8)), "first event")
            await inbox.inbox.close()
            try expectEqual(try await watcher.next(), .closed(member.party.boot), "second event")
        },
        ConformanceCase("watchers see at once that a member was cut", needs: [.cutsLinks]) { stage in
            let watcher = try await stage.connect(.dispatcher).watch()
            let member = try await stage.connect(.connector)
            _ = try await member.openInbox()
            try await member.send("alive", to: .presence(stage.tenant))
            try expectEqual(try await watcher.next(), .beat(Array("alive".utf8)), "first event")
            try await stage.cut(member)
            try expectEqual(try await watcher.next(), .closed(member.party.boot), "second event")
        },
    ]
}
