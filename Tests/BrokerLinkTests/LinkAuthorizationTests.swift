import BrokerCore
import RelayFormat
import Testing

@testable import BrokerLink

@Suite struct LinkAuthorizationTests {
    static let tenant = TenantID.random()
    static let group = GroupID.random()
    static let member = MemberID.random()
    static let boot = BootID.random()

    static func authorization(_ role: LinkRole) -> LinkAuthorization {
        LinkAuthorization(
            principal: LinkPrincipal(
                tenant: tenant, member: member, boot: boot, role: role, groups: [group], expiresAt: .never))
    }

    static func record(_ kind: MessageKind, to place: Place, _ change: (inout RelayHeader) -> Void = { _ in })
        -> OutgoingRecord
    {
        var header = RelayHeader(
            kind: kind, tenant: tenant, group: group, sender: member, boot: boot, sequence: 1, message: .random(),
            issuedAt: RelayTime(milliseconds: 1))
        change(&header)
        var writer = ByteWriter()
        header.encode(into: &writer)
        return OutgoingRecord(to: place, payload: writer.finish(), expiresAt: .never)
    }

    static let groupQueue = Place.group(GroupPlace(tenant: tenant, group: group))
    static let inbox = Place.inbox(InboxPlace(tenant: tenant, boot: .random()))

    @Test(
        "A connector sends replies to inboxes and beats to presence, and nothing else", arguments: MessageKind.allCases)
    func connector(_ kind: MessageKind) {
        let authorization = Self.authorization(.connector)
        let replies: Set<MessageKind> = [.accepted, .claim, .return, .response, .known, .ping, .hello]
        #expect((authorization.objection(to: Self.record(kind, to: Self.inbox)) == nil) == replies.contains(kind))
        #expect((authorization.objection(to: Self.record(kind, to: .presence(Self.tenant))) == nil) == (kind == .beat))
        #expect(authorization.objection(to: Self.record(kind, to: Self.groupQueue)) != nil)
    }

    @Test("A dispatcher sends requests to groups, and what steers to inboxes", arguments: MessageKind.allCases)
    func dispatcher(_ kind: MessageKind) {
        let authorization = Self.authorization(.dispatcher)
        let steering: Set<MessageKind> = [
            .request, .invite, .receipt, .grant, .ask, .cancel, .goAway, .pong, .welcome,
        ]
        #expect((authorization.objection(to: Self.record(kind, to: Self.inbox)) == nil) == steering.contains(kind))
        #expect((authorization.objection(to: Self.record(kind, to: .presence(Self.tenant))) == nil) == (kind == .beat))
        #expect((authorization.objection(to: Self.record(kind, to: Self.groupQueue)) == nil) == (kind == .request))
    }

    @Test("A record must come from where it says, and stay in its tenant")
    func forgeries() {
        let authorization = Self.authorization(.connector)
        #expect(authorization.objection(to: Self.record(.response, to: Self.inbox)) == nil)
        let forged = [
            Self.record(.response, to: Self.inbox) { $0.tenant = .random() },
            Self.record(.response, to: Self.inbox) { $0.sender = .random() },
            Self.record(.response, to: Self.inbox) { $0.boot = .random() },
            Self.record(.response, to: .inbox(InboxPlace(tenant: .random(), boot: .random()))),
            Self.record(.beat, to: .presence(.random())),
            OutgoingRecord(to: Self.inbox, payload: [], expiresAt: .never),
            OutgoingRecord(to: Self.inbox, payload: Array(repeating: 0, count: 200), expiresAt: .never),
        ]
        for record in forged { #expect(authorization.objection(to: record) != nil) }
    }

    @Test("A connector beats for its own groups alone, and a request stays in the group that it names")
    func foreignGroups() {
        let connector = Self.authorization(.connector)
        let beat = Self.record(.beat, to: .presence(Self.tenant)) { $0.group = .random() }
        #expect(connector.objection(to: beat) == "the group is not one of the connector's")
        let dispatcher = Self.authorization(.dispatcher)
        let request = Self.record(.request, to: Self.groupQueue) { $0.group = .random() }
        #expect(dispatcher.objection(to: request) == "the header names another group")
        let ownBeat = Self.record(.beat, to: .presence(Self.tenant)) { $0.group = .none }
        #expect(dispatcher.objection(to: ownBeat) == nil)
    }

    @Test("A connector reads its own groups as its own boot, its own inbox, and no presence")
    func connectorReads() {
        let authorization = Self.authorization(.connector)
        let own = GroupPlace(tenant: Self.tenant, group: Self.group)
        #expect(authorization.objection(toReading: own, as: Self.boot) == nil)
        #expect(authorization.objection(toReading: own, as: .random()) != nil)
        #expect(
            authorization.objection(toReading: GroupPlace(tenant: Self.tenant, group: .random()), as: Self.boot) != nil)
        #expect(
            authorization.objection(toReading: GroupPlace(tenant: .random(), group: Self.group), as: Self.boot) != nil)
        #expect(authorization.objection(toReading: InboxPlace(tenant: Self.tenant, boot: Self.boot)) == nil)
        #expect(authorization.objection(toReading: InboxPlace(tenant: Self.tenant, boot: .random())) != nil)
        #expect(authorization.objection(toReading: InboxPlace(tenant: .random(), boot: Self.boot)) != nil)
        #expect(authorization.objection(toWatching: Self.tenant) != nil)
        #expect(authorization.objection(toProvisioning: own) != nil)
    }

    @Test("A dispatcher watches its tenant's presence, reads its own inbox, and takes no work")
    func dispatcherReads() {
        let authorization = Self.authorization(.dispatcher)
        let group = GroupPlace(tenant: Self.tenant, group: Self.group)
        #expect(authorization.objection(toWatching: Self.tenant) == nil)
        #expect(authorization.objection(toWatching: .random()) != nil)
        #expect(authorization.objection(toReading: InboxPlace(tenant: Self.tenant, boot: Self.boot)) == nil)
        #expect(authorization.objection(toReading: InboxPlace(tenant: Self.tenant, boot: .random())) != nil)
        #expect(authorization.objection(toReading: group, as: Self.boot) != nil)
        #expect(authorization.objection(toProvisioning: group) == nil)
        #expect(authorization.objection(toProvisioning: GroupPlace(tenant: .random(), group: Self.group)) != nil)
    }
}
