@testable import RelayDelivery
import RelayFormat
import Testing

@Suite("Who is there")
struct PresenceTableTests {
    private let start = ContinuousClock.now
    private let group = GroupID(high: 1, low: 1)

    private func beat(
        _ table: inout PresenceTable, boot: UInt64, member: UInt64 = 1, number: UInt64 = 1, group: GroupID? = nil,
        services: [String] = ["web"], readiness: BeatMessage.Readiness = .ready, role: BeatMessage.Role = .connector,
        at time: Duration
    ) -> [PresenceTable.Change] {
        let header = RelayHeader(
            kind: .beat, tenant: .none, group: group ?? self.group, sender: MemberID(high: 0, low: member),
            boot: BootID(high: 0, low: boot), sequence: 0, message: .none, issuedAt: .never)
        let message = BeatMessage(
            role: role, readiness: readiness, bootNumber: number, name: "c\(member)", version: "1",
            services: services.map { ServiceOffer($0) }, inFlight: 0, credit: 1)
        return table.beat(message, from: header, at: start + time)
    }

    private func boot(_ number: UInt64) -> BootID { BootID(high: 0, low: number) }

    @Test("a boot joins once, and again when it offers something else")
    func joining() {
        var table = PresenceTable(now: start)
        #expect(beat(&table, boot: 1, at: .zero) == [.joined(boot(1))])
        #expect(beat(&table, boot: 1, at: .seconds(1)).isEmpty)
        #expect(beat(&table, boot: 1, services: ["web", "mail"], at: .seconds(2)) == [.joined(boot(1))])
        #expect(beat(&table, boot: 1, services: ["mail", "web"], at: .seconds(3)).isEmpty)
        #expect(beat(&table, boot: 1, services: ["web"], readiness: .draining, at: .seconds(4)) == [.joined(boot(1))])
    }

    @Test("a boot may offer different services to different groups")
    func groups() {
        var table = PresenceTable(now: start)
        let other = GroupID(high: 1, low: 2)
        _ = beat(&table, boot: 1, at: .zero)
        #expect(beat(&table, boot: 1, group: other, services: ["mail"], at: .zero) == [.joined(boot(1))])
        #expect(beat(&table, boot: 1, at: .seconds(1)).isEmpty)
        #expect(table.prospects(group: group, service: "web").able == [boot(1)])
        #expect(table.prospects(group: other, service: "web").able.isEmpty)
        #expect(table.prospects(group: other, service: "mail").able == [boot(1)])
    }

    @Test("a dispatcher's beat makes no peer")
    func dispatcherBeat() {
        var table = PresenceTable(now: start)
        #expect(beat(&table, boot: 1, role: .dispatcher, at: .zero).isEmpty)
        #expect(table.peers.isEmpty)
    }

    @Test("presence is settled when it has flowed for the settling time")
    func settling() {
        var table = PresenceTable(now: start)
        #expect(!table.isSettled(at: start + .seconds(10)))
        table.ownBeat(at: start + .seconds(2))
        #expect(!table.isSettled(at: start + .milliseconds(2999)))
        #expect(table.isSettled(at: start + .seconds(3)))
        #expect(!table.isSettled(at: start + .milliseconds(4500)), "the own beat is missing")
        table.ownBeat(at: start + .seconds(6))
        #expect(!table.isSettled(at: start + .seconds(6)), "after a gap it settles anew")
        table.ownBeat(at: start + .seconds(8))
        table.ownBeat(at: start + .milliseconds(8900))
        #expect(table.isSettled(at: start + .seconds(9)))
    }

    @Test("a dispatcher whose own beat comes late for the first time settles from then on")
    func lateStart() {
        var table = PresenceTable(now: start)
        table.ownBeat(at: start + .seconds(8))
        #expect(!table.isSettled(at: start + .seconds(8)))
        for second in 9...11 { table.ownBeat(at: start + .seconds(second)) }
        #expect(table.isSettled(at: start + .seconds(11)))
    }

    @Test("a suspect that beats has returned, and so has a lost one")
    func returning() {
        var table = PresenceTable(now: start)
        _ = beat(&table, boot: 1, at: .zero)
        #expect(table.closed(boot(1)) == [.linkClosed(boot(1))])
        #expect(table.closed(boot(1)).isEmpty)
        #expect(beat(&table, boot: 1, at: .seconds(1)) == [.returned(boot(1))])
        for second in 1...4 { table.ownBeat(at: start + .seconds(second)) }
        #expect(table.tick(at: start + .milliseconds(3250)).isEmpty)
        #expect(table.tick(at: start + .milliseconds(4250)) == [.lost(boot(1))])
        #expect(table.tick(at: start + .milliseconds(4300)).isEmpty)
        #expect(beat(&table, boot: 1, at: .seconds(5)) == [.returned(boot(1))])
        #expect(table.peers[boot(1)]?.standing == .online)
    }

    @Test("a suspect that beats with another readiness has both returned and joined")
    func returningOtherwise() {
        var table = PresenceTable(now: start)
        _ = beat(&table, boot: 1, at: .zero)
        _ = table.closed(boot(1))
        #expect(
            beat(&table, boot: 1, readiness: .draining, at: .seconds(1)) == [.returned(boot(1)), .joined(boot(1))])
    }

    @Test("of three processes of one connector the newest wins, in whatever order they are seen")
    func threeBoots() {
        for seen in [[1, 3], [3, 1]] as [[UInt64]] {
            var table = PresenceTable(now: start)
            for number in seen { _ = beat(&table, boot: number, number: number, at: .zero) }
            let isLost = seen == [1, 3]
            #expect(table.peers[boot(1)]?.standing == (isLost ? .lost : nil))
            #expect(beat(&table, boot: 2, number: 2, at: .seconds(1)) == [.outdated(boot(2))])
            #expect(table.peers[boot(2)] == nil)
            let changes = beat(&table, boot: 4, number: 4, at: .seconds(2))
            #expect(changes == [.lost(boot(3)), .outdated(boot(3)), .joined(boot(4))])
        }
    }

    @Test("the closed inbox of nobody, or of one that is lost, changes nothing")
    func closedStranger() {
        var table = PresenceTable(now: start)
        #expect(table.closed(boot(9)).isEmpty)
        _ = beat(&table, boot: 1, number: 1, at: .zero)
        _ = beat(&table, boot: 2, number: 2, at: .zero)
        #expect(table.closed(boot(1)).isEmpty)
    }

    @Test("after a gap of presence everybody has the full time to beat again")
    func gap() {
        var table = PresenceTable(now: start)
        table.ownBeat(at: start)
        _ = beat(&table, boot: 1, at: .zero)
        #expect(table.tick(at: start + .seconds(20)).isEmpty)
        table.ownBeat(at: start + .seconds(20))
        #expect(table.tick(at: start + .seconds(20)).isEmpty)
        table.ownBeat(at: start + .seconds(22))
        #expect(table.tick(at: start + .milliseconds(23_000)).isEmpty)
        table.ownBeat(at: start + .seconds(23))
        #expect(table.tick(at: start + .milliseconds(23_250)) == [.lost(boot(1))])
    }

    @Test("a lost peer is forgotten after a minute, and who left last is still known")
    func forgetting() {
        var table = PresenceTable(now: start)
        #expect(table.absence(of: group, at: start).contains("none has been seen"))
        _ = beat(&table, boot: 1, at: .zero)
        for second in 0..<70 {
            table.ownBeat(at: start + .seconds(second))
            _ = table.tick(at: start + .seconds(second))
        }
        #expect(table.peers.isEmpty)
        #expect(table.absence(of: group, at: start + .seconds(70)).contains("c1, was last seen 70 s ago"))
        #expect(table.prospects(group: group, service: "web") == PresenceTable.Prospects())
    }

    @Test("prospects tell who can, whether all can, whether someone may come back, and whether anyone is there")
    func prospects() {
        var table = PresenceTable(now: start)
        _ = beat(&table, boot: 1, member: 1, at: .zero)
        _ = beat(&table, boot: 2, member: 2, services: ["mail"], at: .zero)
        _ = beat(&table, boot: 3, member: 3, at: .zero)
        _ = beat(&table, boot: 4, member: 4, readiness: .draining, at: .zero)
        _ = table.closed(boot(3))
        let web = table.prospects(group: group, service: "web")
        #expect(web == .init(able: [boot(1)], allOffer: false, mayReturn: true, anyone: true))
        let none = table.prospects(group: group, service: "none")
        #expect(none == .init(able: [], allOffer: false, mayReturn: false, anyone: true))
        #expect(table.prospects(group: .none, service: "web") == .init())
    }
}
