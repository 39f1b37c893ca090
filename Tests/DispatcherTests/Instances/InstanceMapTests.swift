@testable import Dispatcher
import RelayFormat
import Testing

@Suite("Where an idempotency key is at home")
struct InstanceMapTests {
    private let tenant = TenantID.random()

    private func digest(_ number: Int) -> KeyDigest {
        KeyDigest(tenant: tenant, caller: "k1", service: "echo", key: "key-\(number)")
    }

    private func instance(
        _ name: String, added: UInt64, retired: UInt64? = nil, removed: UInt64? = nil
    ) -> InstanceRecord {
        InstanceRecord(
            id: .random(), name: name, address: nil, addedAt: RelayTime(milliseconds: added),
            retiredAt: retired.map { RelayTime(milliseconds: $0) },
            removedAt: removed.map { RelayTime(milliseconds: $0) })
    }

    @Test("keys are spread evenly, and a further instance takes its share and moves no other key")
    func shares() {
        let first = InstanceMap(instances: (0..<3).map { instance("\($0)", added: 0) })
        let more = InstanceMap(instances: first.instances + [instance("new", added: 10)])
        var counts: [String: Int] = [:]
        for number in 0..<4000 {
            let (before, after) = (first.home(of: digest(number)), more.home(of: digest(number)))
            #expect(after == before || after?.name == "new")
            counts[after?.name ?? "", default: 0] += 1
        }
        #expect(counts.count == 4)
        #expect(counts.values.allSatisfy { (800...1200).contains($0) }, "\(counts)")
    }

    @Test("the scope of a key is part of it")
    func scope() {
        let key = digest(1)
        #expect(key != KeyDigest(tenant: .random(), caller: "k1", service: "echo", key: "key-1"))
        #expect(key != KeyDigest(tenant: tenant, caller: "k2", service: "echo", key: "key-1"))
        #expect(key != KeyDigest(tenant: tenant, caller: "k1", service: "other", key: "key-1"))
        #expect(key != KeyDigest(tenant: tenant, caller: "k1e", service: "cho", key: "key-1"))
        #expect(key == digest(1))
    }

    @Test("former homes are those of all who took the key since it may have been used, the latest first")
    func formerHomes() throws {
        let (a, b, c) = (instance("a", added: 0), instance("b", added: 100), instance("c", added: 200))
        let map = InstanceMap(instances: [a, b, c])
        let long = RelayTime(milliseconds: 50)
        var kinds: Set<[String]> = []
        for number in 0..<400 {
            let key = digest(number)
            let home = try #require(map.home(of: key))
            let former = map.formerHomes(of: key, since: long).map(\.name)
            #expect(!former.contains(home.name))
            // Before b there was a alone.
            #expect(home.name == "a" ? former.isEmpty || former == ["b"] : former.last == "a")
            kinds.insert([home.name] + former)
            // What changed before the oldest key was used concerns none.
            #expect(map.formerHomes(of: key, since: RelayTime(milliseconds: 200)).isEmpty)
        }
        #expect(kinds == [["a"], ["b", "a"], ["c", "a"], ["c", "b", "a"]])
    }

    @Test("a retired instance is a former home, a removed one is nobody's")
    func retired() throws {
        let (a, b) = (instance("a", added: 0), instance("b", added: 0, retired: 300))
        let retired = InstanceMap(instances: [a, b])
        let removed = InstanceMap(
            instances: [
                a,
                InstanceRecord(
                    id: b.id, name: "b", address: nil, addedAt: b.addedAt, retiredAt: b.retiredAt,
                    removedAt: RelayTime(milliseconds: 400)),
            ])
        var asks = 0
        for number in 0..<100 {
            let key = digest(number)
            #expect(retired.home(of: key)?.name == "a")
            #expect(removed.home(of: key)?.name == "a")
            #expect(removed.formerHomes(of: key, since: RelayTime(milliseconds: 1)).isEmpty)
            asks += retired.formerHomes(of: key, since: RelayTime(milliseconds: 1)).count
        }
        #expect((20...80).contains(asks))
    }

    @Test("a request's id names its instance, one that was removed too")
    func owner() {
        let (a, b) = (instance("a", added: 0), instance("b", added: 0, removed: 5))
        let map = InstanceMap(instances: [a, b])
        for record in [a, b] {
            let id = RequestID(high: record.id.high & 0xffff_ffff_0000_0000 | 77, low: 5)
            #expect(map.owner(of: id) == record)
        }
        #expect(map.owner(of: RequestID(high: ~a.id.high, low: 5))?.name != "a")
    }
}
