internal import BrokerCore
internal import RelayFormat

/// What one principal may do; asked for every single operation.
///
/// What is sealed needs none of this to be safe; it keeps a member from filling places that are not its own. A record is
/// judged by its place, its kind and its claimed origin together.
struct LinkAuthorization: Sendable {
    let principal: LinkPrincipal
    /// Off only where a test wants the broker behind the link and not its rules.
    var isEnforced = true

    /// Why the record must not be sent; nil when it may.
    func objection(to record: OutgoingRecord) -> String? {
        guard isEnforced else { return nil }
        guard record.place.tenant == principal.tenant else { return "the place is another tenant's" }
        var reader = ByteReader(record.payload[...])
        guard let header = try? RelayHeader(from: &reader) else { return "the record has no relay header" }
        guard header.tenant == principal.tenant else { return "the header names another tenant" }
        guard header.sender == principal.member else { return "the header names another sender" }
        guard header.boot == principal.boot else { return "the header names another boot" }
        guard permits(header.kind, at: record.place) else { return "\(header.kind) does not belong there" }
        return objection(toGroup: header.group, at: record.place)
    }

    /// Why a record must not speak in the name of a group; nil when it may.
    ///
    /// A dispatcher addresses work to whoever beats for a group, so a beat for a foreign one would draw its requests.
    private func objection(toGroup group: GroupID, at place: Place) -> String? {
        switch place {
        case .group(let place): place.group == group ? nil : "the header names another group"
        case .presence where principal.role == .connector:
            principal.groups.contains(group) ? nil : "the group is not one of the connector's"
        case .presence, .inbox: nil
        }
    }

    /// Why the queue of the group must not be read as that member; nil when it may.
    func objection(toReading place: GroupPlace, as member: BootID) -> String? {
        guard isEnforced else { return nil }
        guard place.tenant == principal.tenant else { return "the group is another tenant's" }
        guard principal.role == .connector else { return "only a connector takes work" }
        guard principal.groups.contains(place.group) else { return "the group is not one of the connector's" }
        return member == principal.boot ? nil : "the member is another boot"
    }

    /// Why the inbox must not be read; nil when it may.
    func objection(toReading place: InboxPlace) -> String? {
        guard isEnforced else { return nil }
        guard place.tenant == principal.tenant else { return "the inbox is another tenant's" }
        return place.boot == principal.boot ? nil : "the inbox is another boot's"
    }

    /// Why the tenant's presence must not be watched; nil when it may.
    func objection(toWatching tenant: TenantID) -> String? {
        guard isEnforced else { return nil }
        guard tenant == principal.tenant else { return "the presence is another tenant's" }
        return principal.role == .dispatcher ? nil : "only a dispatcher watches presence"
    }

    /// Why the group's queue must not be made; nil when it may.
    func objection(toProvisioning place: GroupPlace) -> String? {
        guard isEnforced else { return nil }
        guard place.tenant == principal.tenant else { return "the group is another tenant's" }
        return principal.role == .dispatcher ? nil : "only a dispatcher makes queues"
    }

    /// Which kind goes where (PROTOCOL section 1).
    private func permits(_ kind: MessageKind, at place: Place) -> Bool {
        switch (place, principal.role, kind) {
        case (.presence, _, .beat): true
        case (.group, .dispatcher, .request): true
        case (.inbox, .dispatcher, .request), (.inbox, .dispatcher, .invite), (.inbox, .dispatcher, .receipt),
            (.inbox, .dispatcher, .grant), (.inbox, .dispatcher, .ask), (.inbox, .dispatcher, .cancel),
            (.inbox, .dispatcher, .goAway), (.inbox, .dispatcher, .pong), (.inbox, .dispatcher, .welcome):
            true
        case (.inbox, .connector, .accepted), (.inbox, .connector, .claim), (.inbox, .connector, .return),
            (.inbox, .connector, .response), (.inbox, .connector, .known), (.inbox, .connector, .ping),
            (.inbox, .connector, .hello):
            true
        default: false
        }
    }
}
