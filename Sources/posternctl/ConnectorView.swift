internal import DispatcherProtocol
internal import EnrollmentProtocol
internal import MachineIdentity

/// A connector as it is registered, and as it stands.
struct ConnectorView: Encodable {
    let connector: ConnectorAnswer
    let live: ConnectorPresence?

    private enum CodingKeys: String, CodingKey {
        case live
    }

    /// The registered connector's own fields, and `live` beside them.
    func encode(to encoder: any Encoder) throws {
        try connector.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(live, forKey: .live)
    }

    /// How it stands, in a word.
    var standing: String {
        guard connector.state == .active else { return connector.state.rawValue }
        return live?.standing ?? "not seen"
    }

    /// Why it stands so.
    var reason: String {
        switch connector.state {
        case .active: break
        case .frozen: return connector.freezeReason ?? "-"
        case .revoked: return connector.revocationReason ?? "-"
        }
        return live?.reason ?? "this dispatcher has not seen it lately"
    }

    /// How old the proof is on which that rests.
    var age: String { live.map { Self.age($0.ageSeconds) } ?? "-" }

    /// What would help; nil when nothing has to be done.
    var nextAction: String? {
        switch connector.state {
        case .active: break
        case .revoked: return nil
        case .frozen where connector.isSuspectedClone:
            return "somebody else has used its identity: look where its state folder was copied to; then 'posternctl"
                + " connectors revoke \(connector.id)', and on the right machine 'postern register --replace' with a new"
                + " invitation"
        case .frozen: return "'posternctl connectors unfreeze \(connector.id)' lets it in again"
        }
        return live == nil ? "look on its machine: 'postern status'" : live?.nextAction
    }

    /// The facts for people.
    var table: TextTable {
        var facts = [
            ("connector", connector.displayName ?? "-"), ("id", connector.id),
            ("standing", "\(standing): \(reason)"), ("proof", age == "-" ? "none" : "\(age) old"),
        ]
        if let live {
            facts += [
                ("says", live.readiness + (live.note.isEmpty ? "" : ": \(live.note)")),
                ("last beat", "\(Self.age(live.lastBeatSeconds)) ago"),
                ("last answer", live.lastAnswerSeconds.map { "\(Self.age($0)) ago" } ?? "none"),
                ("requests", "\(live.inFlight) in hand, room for \(live.credit) more"),
                ("services", live.services.isEmpty ? "none" : live.services.map(Self.text).joined(separator: ", ")),
                ("process", "start \(live.bootNumber), \(live.boot)"),
            ]
        }
        facts += [
            ("state", connector.state.rawValue), ("account", connector.account),
            ("groups", connector.groups.map(\.name).joined(separator: ", ")),
            ("registered", connector.createdAt.brief), ("last seen", connector.lastSeenAt?.brief ?? "never"),
            ("certificate ends", connector.notAfter.brief), ("generation", "\(connector.generation)"),
            ("starts", "\(connector.boots)"), ("version", live?.version ?? connector.version ?? "-"),
            ("key", "\(connector.keyFingerprint)"),
            ("words", KeyFingerprint(bytes: connector.keyFingerprint.bytes)?.words ?? "-"),
        ]
        if let moved = connector.machineChangedAt { facts.append(("other machine", "since \(moved.brief)")) }
        if let frozen = connector.frozenAt {
            facts.append(("frozen", "\(frozen.brief) (\(connector.freezeReason ?? "no reason given"))"))
        }
        if let revoked = connector.revokedAt {
            facts.append(("revoked", "\(revoked.brief) (\(connector.revocationReason ?? "no reason given"))"))
        }
        if let nextAction { facts.append(("next", nextAction)) }
        return TextTable(facts: facts)
    }

    private static func text(_ service: ConnectorPresence.Service) -> String {
        if let requestClass = service.requestClass { return "\(service.name) (\(requestClass))" }
        return service.honoursIdempotencyKey ? "\(service.name) (honours Idempotency-Key)" : service.name
    }

    private static func age(_ seconds: Double) -> String {
        let whole = Int(max(0, min(seconds, 1e12)))
        return whole < 120 ? "\(whole) s" : whole < 7200 ? "\(whole / 60) min" : "\(whole / 3600) h"
    }
}
