internal import Connector
internal import EnrollmentClient
internal import EnrollmentProtocol
internal import Foundation
internal import IdentityStore
internal import MachineIdentity

/// What `postern rotate` would do, without doing it.
struct RotationRehearsal {
    private struct Plan: Encodable {
        var generation: Int
        var notAfter: String
        var renewAt: String
        var isRunning: Bool
        var hasPendingKey: Bool
        var proof: String
        var steps: [String]
        var tenant: String

        enum CodingKeys: String, CodingKey {
            case generation, proof, steps, tenant
            case notAfter = "not_after"
            case renewAt = "renew_at"
            case isRunning = "service_runs"
            case hasPendingKey = "has_pending_key"
        }
    }

    let identity: LoadedIdentity
    let state: StateOptions
    let network: NetworkSettings

    func tell(json: Bool) async throws {
        let plan = try await plan()
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return print(String(decoding: try encoder.encode(plan), as: UTF8.self))
        }
        print(
            """
            certificate  generation \(plan.generation), until \(plan.notAfter), to be renewed at \(plan.renewAt)
            tenant       \(plan.tenant)
            it would:
            """)
        for (number, step) in plan.steps.enumerated() { print("  \(number + 1). \(step)") }
        print("This was a dry run: no key was made.")
    }

    private func plan() async throws -> Plan {
        let record = identity.record
        let pending = try state.store.pendingRenewal()
        let isRunning = (try? await ControlClient(path: state.controlSocket).status()) != nil
        let hasEnded = record.notAfter <= Date()
        var steps: [String] = []
        if pending?.renewed == nil {
            steps.append(
                pending == nil
                    ? "make a new key in \(identity.key.heldKey == nil ? state.stateDir : "the token that has the present one")"
                    : "go on with the new key that an earlier renewal has made")
            steps.append(
                hasEnded
                    ? "ask the tenant by an assertion of the present key, since the certificate has ended"
                    : "ask the tenant with the present certificate")
        }
        steps += ["use the new certificate for the first time", "erase the old key"]
        return Plan(
            generation: record.generation, notAfter: RFC3339.text(of: record.notAfter),
            renewAt: RFC3339.text(of: record.renewAt), isRunning: isRunning, hasPendingKey: pending != nil,
            proof: (hasEnded ? RenewalMachine.Proof.assertion : .certificate).rawValue, steps: steps,
            tenant: await tenantState(hasEnded: hasEnded))
    }

    private func tenantState(hasEnded: Bool) async -> String {
        guard !hasEnded else { return "not asked, since the certificate has ended" }
        do {
            let http = try TenantHTTPClient(
                identity: identity, proxies: network.proxies, systemAuthorityFile: network.authorityFile)
            let own = try await http.use { http async throws(EnrollmentClientError) in
                try await EnrollmentCalls.registered(over: http).ownState()
            }
            return "sees this connector as \(own.state.rawValue), generation \(own.generation)"
        } catch {
            return "would refuse, or is not reached: \(error.message)"
        }
    }
}
