internal import DispatcherProtocol
internal import RelayDelivery
internal import RelayFormat

/// How a connector stands for people: judged by the worst that is known of it.
///
/// A beat proves one direction only; that it answers proves both. A connector pings each dispatcher that it has heard
/// every five seconds, so that even an idle one is proven.
struct ConnectorOutlook: Equatable {
    /// How old an answer may be before it proves nothing.
    static let proofLife = Duration.seconds(15)

    var standing: String
    var reason: String
    var age: Duration
    var nextAction: String?

    init(_ peer: Peer, lastAnswer: ContinuousClock.Instant?, at now: ContinuousClock.Instant) {
        let silence = now - peer.lastBeat
        let note = peer.note.isEmpty ? "" : ": \(peer.note)"
        switch (peer.standing, peer.readiness) {
        case (.lost, .draining):
            self.init(
                standing: "lost", reason: "it has drained and ended\(note)", age: silence,
                nextAction: "start it again when it shall serve")
        case (.lost, _):
            self.init(
                standing: "lost", reason: "its process has ended, or has not been heard for too long", age: silence,
                nextAction: "look on its machine: 'postern status', and the service's log")
        case (.suspect(.linkClosed), _):
            self.init(standing: "suspect", reason: "its link has closed; it may come back", age: silence)
        case (.suspect(.silent), _):
            self.init(standing: "suspect", reason: "its beats are missing", age: silence)
        case (.online, let readiness):
            guard let lastAnswer, now - lastAnswer < Self.proofLife else {
                self.init(
                    standing: "unproven",
                    reason: lastAnswer == nil
                        ? "its beats come, but it has not answered this dispatcher yet"
                        : "its beats come, but it has not answered this dispatcher lately",
                    age: lastAnswer.map { now - $0 } ?? silence,
                    nextAction: "if this lasts, look on its machine: 'postern status'")
                return
            }
            let age = now - lastAnswer
            switch readiness {
            case .ready:
                self.init(
                    standing: "online", reason: "it answered \(age.components.seconds) s ago", age: age,
                    nextAction: peer.credit == 0 ? "it takes no more just now: all of its room is used" : nil)
            case .paused:
                self.init(
                    standing: "paused", reason: "it was told to take no work\(note)", age: age,
                    nextAction: "'posternctl connectors resume \(peer.name)' ends the pause")
            case .draining:
                self.init(
                    standing: "draining", reason: "it finishes \(peer.inFlight) requests and ends\(note)", age: age)
            case .observing:
                self.init(standing: "observing", reason: "it only wants to be seen", age: age)
            }
        }
    }

    private init(standing: String, reason: String, age: Duration, nextAction: String? = nil) {
        self.standing = standing
        self.reason = reason
        self.age = age
        self.nextAction = nextAction
    }
}

extension ConnectorPresence {
    /// Describes a connector's process as its dispatcher sees it.
    init(_ peer: Peer, lastAnswer: ContinuousClock.Instant?, at now: ContinuousClock.Instant) {
        let outlook = ConnectorOutlook(peer, lastAnswer: lastAnswer, at: now)
        let offers = peer.offers.values.reduce(into: [String: ServiceOffer]()) { $0.merge($1) { first, _ in first } }
        self.init(
            connector: "\(peer.member)", name: peer.name, standing: outlook.standing, reason: outlook.reason,
            ageSeconds: outlook.age / .seconds(1), nextAction: outlook.nextAction, readiness: "\(peer.readiness)",
            note: peer.note, lastBeatSeconds: (now - peer.lastBeat) / .seconds(1),
            lastAnswerSeconds: lastAnswer.map { (now - $0) / .seconds(1) },
            groups: peer.offers.keys.map { "\($0)" }.sorted(),
            services: offers.values.sorted { $0.name < $1.name }.map {
                Service(
                    name: $0.name, requestClass: $0.requestClass.map { "\($0)" },
                    honoursIdempotencyKey: $0.honoursIdempotencyKey)
            }, inFlight: peer.inFlight, credit: peer.credit, version: peer.version, boot: "\(peer.boot)",
            bootNumber: peer.bootNumber)
    }
}
