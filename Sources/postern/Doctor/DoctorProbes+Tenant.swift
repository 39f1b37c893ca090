internal import BrokerCore
internal import Connector
internal import Diagnostics
internal import EnrollmentClient
internal import EnrollmentProtocol
internal import Foundation
internal import HTTPProblems
internal import IdentityStore
internal import Logging

/// What the tenant says, to anyone and to this machine.
extension DoctorProbes {
    func tenantAPI() async throws -> DiagnosisFinding {
        guard let sighting, let installation = sighting.trustDomain else {
            return .fail(
                "the server answers, but not as a tenant does (\(sighting.map { "\($0.status)" } ?? "nothing"))",
                fix: "Look whether the URL is that of a Postern tenant, and not of something in front of it.")
        }
        if let own = subject.loaded?.record.trustDomain, own != installation {
            return .fail(
                "this is the installation \(installation), but the machine is registered at \(own)",
                fix: "Ask the tenant's administrator whether the installation was set up anew.")
        }
        return .ok("GET \(APIPath.authority): the installation \(installation)")
    }

    func authorization() async throws -> DiagnosisFinding {
        guard let identity = subject.loaded else { return .skipped("not registered") }
        let own: SelfAnswer
        do {
            own = try await http(as: identity).use { http async throws(EnrollmentClientError) in
                try await EnrollmentCalls.registered(over: http).ownState()
            }
        } catch {
            guard error.problem?.code == EnrollmentProblem.certificateRequired.rawValue else { throw error }
            return .fail(
                "the tenant did not see this machine's certificate: TLS ends on the way, at \(sighting?.issuer ?? "?")",
                fix:
                    "If a proxy of yours inspects TLS, except the tenant's host there; if a load balancer of the tenant"
                    + " ends TLS, ask its administrator.")
        }
        let groups = own.groups.map(\.name).joined(separator: ", ")
        guard own.state == .active else {
            return .fail(
                "the tenant has this connector as \(own.state.rawValue)",
                fix: "Ask the tenant's administrator: posternctl connectors show \(own.connectorID)")
        }
        guard !own.groups.isEmpty else {
            return .warn(
                "active, but in no group, so that it gets no work",
                fix: "Ask the tenant's administrator to add the account \(own.account) to a group.")
        }
        guard own.generation <= identity.record.generation else {
            return .warn(
                "active in \(groups), but the tenant knows generation \(own.generation), this folder "
                    + "\(identity.record.generation)",
                fix: "Look whether this folder is a copy or an older backup: two of them end frozen.")
        }
        return .ok("active in \(groups)")
    }

    func queueCredential() async throws -> DiagnosisFinding {
        guard let identity = subject.loaded else { return .skipped("not registered") }
        if let service {
            let place = service.queue.map { "; \(Self.text($0))" } ?? ""
            return .ok("held by the running service (start \(service.bootNumber))\(place)")
        }
        let network = try subject.network.get()
        let runtime = try await ConnectorRuntime.open(
            identity: identity, configuration: ConnectorConfiguration(), network: network, journalPath: nil,
            store: subject.state.store, logger: logger)
        self.runtime = runtime
        return .ok("granted for groups of \(identity.record.tenant.slug); \(Self.text(runtime.queue.place))")
    }

    private static func text(_ queue: ConnectorStatus.Queue) -> String {
        guard queue.kind != "embedded" else { return "the tenant's embedded broker" }
        let details = [queue.security, queue.library].compactMap { $0 }.joined(separator: ", ")
        return "\(queue.kind) at \(queue.server) (\(details))"
    }

    func roundTrip() async throws -> DiagnosisFinding {
        let answer: ControlAnswer.Ping
        if let service, service.state == .disconnected {
            return .fail("the queue is not reached: \(service.reason)", fix: "\(service.nextAction ?? "").")
        }
        if service != nil {
            answer = try await ControlClient(path: subject.state.controlSocket).ping()
        } else if let runtime {
            answer = try await runtime.pingWhileObserving()
        } else {
            return .skipped("no queue credential")
        }
        if let failure = answer.failure {
            if let runtime, case .disconnected(let reason, _, _) = runtime.queue.connectivity {
                return .fail("the queue is not reached: \(reason)", fix: "Look at the way: \(runtime.queue.advice).")
            }
            return .fail(
                "no round trip: \(failure)",
                fix: service.map { "The service says: \($0.state.rawValue), \($0.reason)." }
                    ?? "Ask the tenant's operator whether a dispatcher is running.")
        }
        let milliseconds = (answer.milliseconds ?? 0).formatted(.number.precision(.fractionLength(1)))
        return .ok("\(milliseconds) ms\(service == nil ? "" : " over the running service's link")")
    }

    private func http(as identity: LoadedIdentity) throws(EnrollmentClientError) -> TenantHTTPClient {
        try TenantHTTPClient(
            .init(
                endpoint: TenantEndpoint(identity.record.tenantURL),
                tls: ClientTLS(
                    identity: identity, systemAuthorityFile: (try? subject.network.get())?.authorityFile),
                expectedIssuer: identity.record.serverIssuerPin, proxies: subject.proxies,
                connectTimeout: Self.patience, callTimeout: Self.patience))
    }
}
