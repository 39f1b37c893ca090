internal import AuditLog
internal import AuditStore
internal import EnrollmentProtocol
internal import Foundation
internal import Hummingbird
internal import Logging
internal import TenantPort

/// The audit log, for administrators to read and to verify.
extension EnrollmentServer {
    private static let mostWitnesses = 1000

    func addAudit(to list: inout RouteList) {
        administrator(.get, APIPath.audit, in: &list) { call, administrator, _ in
            try await self.auditPage(call, administrator.tenant)
        }
        administrator(.get, APIPath.auditHead, in: &list) { call, administrator, _ in
            try await self.auditHead(call, administrator.tenant)
        }
        administrator(.get, APIPath.auditConsistency, in: &list) { call, administrator, _ in
            try await self.auditConsistency(call, administrator.tenant)
        }
    }

    private var file: AuditFile { installation.audit.file }

    private func auditPage(_ call: Call, _ tenant: Tenant) async throws -> Response {
        let query = call.request.uri.queryParameters
        let range = try call.range()
        var filter = AuditFile.Filter()
        if let since = query["since"] {
            guard let date = RFC3339.date(from: String(since)) else {
                throw Refusal(.malformedRequest, "The parameter “since” needs an RFC 3339 time.")
            }
            filter.since = UInt64(max(0, date.timeIntervalSince1970 * 1000))
        }
        filter.actor = query["actor"].map(String.init)
        filter.action = query["action"].map(String.init)
        guard (filter.actor ?? "").utf8.count <= 255, (filter.action ?? "").utf8.count <= 64 else {
            throw Refusal(.malformedRequest, "The parameters “actor” and “action” are too long.")
        }
        var from: UInt64 = 0
        if !range.after.isEmpty {
            guard let after = UInt64(range.after), after < .max else {
                throw Refusal(.malformedRequest, "The parameter “after” needs the number of a row.")
            }
            from = after + 1
        }
        var entries = try await reading {
            try await file.entries(of: tenant.id, from: from, limit: range.fetchLimit, matching: filter)
        }
        let isMore = entries.count > range.limit
        if isMore { entries.removeLast(entries.count - range.limit) }
        return try call.answer(
            AuditPage(items: entries.map(AuditRow.init), next: isMore ? entries.last.map { "\($0.sequence)" } : nil))
    }

    private func auditHead(_ call: Call, _ tenant: Tenant) async throws -> Response {
        let (head, peers) = try await reading {
            (
                try await file.head(of: tenant.id),
                try await file.peerHeads(in: tenant.id, limit: Self.mostWitnesses)
            )
        }
        let echoes = installation.audit.echoes(of: tenant.id).sorted { $0.key < $1.key }.prefix(Self.mostWitnesses)
        return try call.answer(
            AuditHeadAnswer(
                head: AuditHeadReference(head, of: tenant.slug),
                witnesses: echoes.map { AuditHeadReference($0.value, keptBy: $0.key, of: tenant.slug) },
                connectors: peers.map { AuditHeadReference($0.head, keptBy: tenant.slug, of: $0.peer) }))
    }

    private func auditConsistency(_ call: Call, _ tenant: Tenant) async throws -> Response {
        func size(_ name: Substring) throws -> UInt64? {
            guard let text = call.request.uri.queryParameters[name] else { return nil }
            guard let number = UInt64(text) else {
                throw Refusal(.malformedRequest, "The parameter “\(name)” needs a number of rows.")
            }
            return number
        }
        guard let first = try size("first") else {
            throw Refusal(.malformedRequest, "The parameter “first” is needed: a number of rows.")
        }
        let current = try await reading { try await file.head(of: tenant.id).size }
        let second = try size("second") ?? current
        guard first <= second, second <= current else {
            throw Refusal(
                .malformedRequest, "The log has \(current) rows; “first” is at most “second”, and that at most this.")
        }
        return try await reading {
            guard let old = try await file.head(of: tenant.id, at: first),
                let new = try await file.head(of: tenant.id, at: second)
            else { throw Refusal(.internalError, "The log is shorter than it was.") }
            let proof = try await file.consistencyProof(of: tenant.id, first: first, second: second)
            return try call.answer(AuditConsistencyAnswer(first: old, second: new, proof: proof))
        }
    }

    // MARK: Heads of members

    /// Takes the heads that a member tells and answers with ours.
    func exchangeHeads(
        _ told: AuditHeadsMessage?, with member: MemberRecord, _ call: Call
    ) async throws -> AuditHeadsMessage {
        let audit = installation.audit
        return try await reading {
            if let told {
                guard let own = told.own.head, told.kept == nil || told.kept?.head != nil else {
                    throw Refusal(.malformedRequest, "The field “audit” holds a root that is none.")
                }
                try await audit.take(
                    .init(own: own, kept: told.kept?.head), from: .init(member), source: call.context.clientAddress,
                    in: member.tenant.id)
            }
            let heads = try await audit.heads(for: member.id, in: member.tenant.id)
            return AuditHeadsMessage(own: heads.own, kept: heads.kept)
        }
    }

    /// The newest head of a member's log that is kept here.
    func keptHead(of member: MemberRecord) async throws -> AuditHeadReference? {
        try await reading { try await file.peerHead(of: member.id, in: member.tenant.id) }.map {
            AuditHeadReference($0, keptBy: member.tenant.slug, of: member.id)
        }
    }

    private func reading<Value>(_ body: () async throws -> Value) async throws -> Value {
        do { return try await body() } catch let error as AuditStoreError {
            logger.error("Audit log cannot be read", metadata: ["reason": "\(error)"])
            throw Refusal(.notReady, "The audit log cannot be read.")
        }
    }
}
