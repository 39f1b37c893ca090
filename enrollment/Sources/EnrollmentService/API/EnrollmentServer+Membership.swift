internal import EnrollmentProtocol
internal import Foundation
internal import Hummingbird
internal import Logging
internal import MachineIdentity
internal import TenantPort

/// What registered members ask for.
extension EnrollmentServer {
    private static let heartbeatInterval = 30
    private static let limits = QueueLimits(recordBytes: 1 << 20, inFlight: 1024)
    /// Below the largest record of Kafka's usual settings, with room for its own head.
    private static let kafkaLimits = QueueLimits(recordBytes: 900_000, inFlight: 1024)

    func ownState(of member: MemberRecord, _ notAfter: Date, at now: Date) -> SelfAnswer {
        SelfAnswer(
            connectorID: member.id, tenant: member.tenant.reference, account: member.account, role: member.role,
            state: .active, groups: member.groups, generation: member.generation, notAfter: notAfter, serverTime: now)
    }

    func heartbeat(_ call: Call, _ member: MemberRecord) async throws -> Response {
        let body = try await call.body(HeartbeatRequest.self)
        guard (body.version ?? "").utf8.count <= 64 else {
            throw Refusal(.malformedRequest, "The field “version” may have at most 64 bytes.")
        }
        try await scope(member.tenant).noteHeartbeat(of: member.id, version: body.version, at: call.now)
        return try call.answer(
            HeartbeatAnswer(
                serverTime: call.now, interval: Self.heartbeatInterval,
                audit: try await exchangeHeads(body.audit, with: member, call),
                epochs: try await scope(member.tenant).epochNumbers(ofGroups: member.groups),
                hpkeKeys: try await scope(member.tenant).hpkeKeys(of: member)))
    }

    func queueCredentials(_ call: Call, _ member: MemberRecord) async throws -> Response {
        let body = try await call.body(QueueCredentialsRequest.self)
        let boot = body.bootID
        guard RegistryID.isValid(boot) else {
            throw Refusal(.malformedRequest, "The field “boot_id” needs 26 characters of lower-case base32.")
        }
        let number =
            body.observer == true ? 0 : try await scope(member.tenant).bootNumber(of: boot, member: member.id)
        let kafka = installation.settings.kafka
        let life = kafka == nil ? QueueTokens.life : KafkaTokens.life
        let end = min(call.now.addingTimeInterval(life), member.notAfter)
        let expiresAt = Date(timeIntervalSince1970: end.timeIntervalSince1970.rounded(.down))
        let (broker, token): (BrokerEndpoint, String)
        if let kafka {
            (broker, token) = try await kafkaCredential(kafka, for: member, until: expiresAt, at: call.now)
        } else {
            broker = .embedded
            token = try await installation.tokens.mint(
                QueueTokens.Grant(
                    tenantID: member.tenant.id, memberID: member.id, role: member.role.rawValue,
                    groupIDs: member.groups.map(\.id), bootID: boot, bootNumber: number,
                    keyFingerprint: member.keyFingerprint.hex, expiresAt: expiresAt), now: call.now)
        }
        call.context.logger.info(
            "Queue credential given out",
            metadata: [
                "tenant": "\(member.tenant.slug)", "connector": "\(member.id)", "boot": "\(boot)",
                "boot_number": "\(number)",
            ])
        return try call.answer(
            QueueCredentialsAnswer(
                broker: broker, token: token, expiresAt: expiresAt, bootNumber: number,
                places: Places(tenantID: member.tenant.id, memberID: member.id, groups: member.groups),
                limits: kafka == nil ? Self.limits : Self.kafkaLimits))
    }
}
