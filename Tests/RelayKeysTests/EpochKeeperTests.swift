import BrokerCore
import Logging
import RelayFormat
import RelayKeys
import RelaySealing
import SealedRelay
import Testing

@Suite(.timeLimit(.minutes(1))) struct EpochKeeperTests {
    private let tenant = TenantID.random()
    private let group = GroupID.random()
    private let clock = RelayClock.system
    private let authority: TestKeyAuthority
    private let party: Party

    init() {
        authority = TestKeyAuthority(tenant: tenant)
        party = Party(tenant: tenant, member: .random(), boot: .random(), role: .connector)
    }

    private func epoch(_ keeper: EpochKeeper) -> UInt32? {
        keeper.keyring.standing(of: group, at: clock.now)?.mark.number
    }

    @Test func `after a renewal the epoch that names the new key is looked for until it is there, and no longer`()
        async throws
    {
        let (old, new) = (try authority.newKeys(), try authority.newKeys())
        try authority.join(party.member, old, [group])
        let shelf = MemberKeyShelf(old)
        let keeper = authority.keeper(for: party, shelf, logger: .init(label: "test"))
        #expect(await keeper.wait(for: group, epoch: 1, within: .seconds(10)))

        // Another joins: nothing that this member has to know, as long as its own key is named.
        try authority.cut(group)
        await keeper.seek(old.identity.publicKey)
        #expect(epoch(keeper) == 1)

        shelf.add(new)
        await keeper.seek(new.identity.publicKey)
        #expect(epoch(keeper) == 2, "asked at once; it names the old key still")
        try authority.join(party.member, new, [group])
        let limit = ContinuousClock.now + .seconds(10)
        while epoch(keeper) != 3, ContinuousClock.now < limit {
            await keeper.seek(new.identity.publicKey)
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(epoch(keeper) == 3)

        try authority.cut(group)
        await keeper.seek(new.identity.publicKey)
        #expect(epoch(keeper) == 3)
    }
}
