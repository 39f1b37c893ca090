import BrokerCore
import Connector
import ConnectorServices
import RelayDelivery
import RelayFormat
import RelayKeys
import RelaySealing
import SealedRelay

@testable import Dispatcher

/// One tenant of a site.
struct EvilTenant: Sendable {
    let site: EvilSite
    let id: TenantID
    let name: String
    let authority: TestKeyAuthority
    let dispatcher: TenantDispatcher
    /// Its dispatcher's keys.
    let keeper: EpochKeeper
    let group: GroupID
    let otherGroup: GroupID

    var queue: Place { .group(GroupPlace(tenant: id, group: group)) }
    var dispatcherInbox: Place { .inbox(InboxPlace(tenant: id, boot: party.boot)) }
    /// Its dispatcher's process.
    var party: Party { dispatcher.party }
    /// Counts what its dispatcher refuses.
    var refusals: RefusalTally { dispatcher.refusals }

    /// A connector of the tenant that has not begun; its member joins its groups with new keys, unless
    /// it has some.
    func connector(
        _ name: String, groups: [GroupID]? = nil, member: MemberID = .random(), bootNumber: UInt64 = 1,
        keys known: MemberKeys? = nil, service: WitnessService = WitnessService(),
        journal: (any ExecutionJournal)? = nil, source: ((MemberKeys) -> any EpochSource)? = nil
    ) throws -> EvilConnector {
        let groups = groups ?? [group]
        let identity = ConnectorIdentity(
            tenant: id, tenantName: self.name, member: member, name: name, boot: .random(), bootNumber: bootNumber,
            groups: Dictionary(uniqueKeysWithValues: groups.map { ($0, "site") }))
        let keys = try known ?? authority.newKeys()
        if known == nil { try authority.join(member, keys, groups) }
        let (logger, shelf) = (site.logger, MemberKeyShelf(keys))
        let keeper =
            source.map {
                EpochKeeper(
                    keyring: Keyring(party: identity.party, authority: authority.publicKey), source: $0(keys),
                    clock: site.clock.clock, logger: logger)
            } ?? authority.keeper(for: identity.party, shelf, logger: logger)
        let connector = EvilConnector(
            identity: identity, keys: keys, shelf: shelf, keeper: keeper,
            service: service, journal: journal, site: site, logger: logger)
        site.add(connector)
        return connector
    }

    /// Calls the tenant's group; the body is as large as is said.
    func call(
        _ target: String, class requestClass: RequestClass = .safe, group: GroupID? = nil, body: [UInt8]? = nil,
        headers: [HTTPHeaderField] = [], within deadline: Duration = .seconds(60)
    ) async -> CallResult {
        await dispatcher.call(relayed(target, requestClass, group: group, body: body, headers: headers, deadline))
    }

    /// Hands the dispatcher something that it keeps until it has ended, whatever happens to its process.
    func submit(_ target: String, class requestClass: RequestClass) async throws -> RequestID {
        let now = site.clock.clock.now
        let admission = try await dispatcher.submit(
            NewSubmission(
                call: relayed(target, requestClass, .seconds(60)), groupName: "site", idempotencyKey: nil,
                fingerprint: [], parkUntil: now + .seconds(60), webhook: nil))
        guard case .accepted(let id) = admission else { throw SubmissionError.notReady("\(admission)") }
        return id
    }

    /// What became of it, once it has ended.
    func ended(_ id: RequestID) async throws -> DurableRequest? {
        guard let request = try await dispatcher.result(of: id, waiting: .seconds(30)), request.ending != nil else {
            return nil
        }
        return request
    }

    private func relayed(
        _ target: String, _ requestClass: RequestClass, group: GroupID? = nil, body: [UInt8]? = nil,
        headers: [HTTPHeaderField] = [], _ deadline: Duration
    ) -> RelayedCall {
        let content = HTTPRequestContent(
            method: "POST", target: target, headers: headers, body: (body ?? Array(target.utf8))[...])
        return RelayedCall(
            group: group ?? self.group, service: "witness", requestClass: requestClass,
            deadline: site.clock.clock.now + deadline, operation: .http(content))
    }
}

extension DurableRequest {
    /// What the service answered.
    var text: String? {
        guard case .http(let content)? = ending?.outcome else { return nil }
        return String(decoding: content.body, as: UTF8.self)
    }
}

extension CallResult {
    var body: [UInt8]? {
        guard case .http(let content) = outcome else { return nil }
        return Array(content.body)
    }

    var text: String? { body.map { String(decoding: $0, as: UTF8.self) } }

    var failure: RequestFailure.Code? {
        guard case .failed(let failure) = outcome else { return nil }
        return failure.code
    }
}
