internal import Foundation
internal import GRDB
internal import RelayDelivery
internal import RelayFormat

/// What a transaction of the ledger does to its requests.
extension Database {
    /// What each request costs beside its bodies.
    static let bytesPerRequest = 1024
    private static let firstEvents: Int64 = 16
    private static let lastEvents: Int64 = 48

    /// The request that a caller has submitted under a key.
    func findRequest(
        tenant: TenantID, caller: String, service: String, key: String
    ) throws -> (id: RequestID, fingerprint: [UInt8])? {
        let row = try Row.fetchOne(
            cachedStatement(
                sql: """
                    SELECT id, fingerprint FROM request
                    WHERE tenant = ? AND caller = ? AND service = ? AND idempotency_key = ?
                    """),
            arguments: [tenant.description, caller, service, key])
        guard let row else { return nil }
        return (try row.identifier("id"), [UInt8](row["fingerprint"] as Data))
    }

    /// Adds a request that is not there.
    func insert(_ request: DurableRequest, operation: [UInt8], bytes: Int) throws {
        let progress = request.progress
        try cachedStatement(
            sql: """
                INSERT INTO request (id, tenant, "group", group_name, service, caller, idempotency_key, fingerprint,
                    park_until, submitted_at, webhook, standing, class, attempt, losses, deadline, holder, holder_boot,
                    holder_name, state, events, bytes)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)
                """
        ).execute(arguments: [
            request.id.description, request.tenant.description, request.group.description, request.groupName,
            request.service, request.caller, request.idempotencyKey, Data(request.fingerprint),
            request.parkUntil.stored, request.submittedAt.stored, request.webhook, Int64(progress.standing.rawValue),
            Int64(progress.requestClass.rawValue), Int64(progress.attempt), Int64(progress.losses),
            progress.deadline.stored, progress.holder?.member.description, progress.holder?.boot.description,
            progress.holder?.name, LedgerFilter.State.open.rawValue, bytes,
        ])
        let number = lastInsertedRowID
        try cachedStatement(sql: "INSERT INTO operation VALUES (?, ?)").execute(arguments: [number, Data(operation)])
        let events = try append(request.events, to: number, after: 0)
        try cachedStatement(sql: "UPDATE request SET events = ? WHERE number = ?").execute(arguments: [events, number])
    }

    /// Writes down what became of a request, and enters the news of it for its webhook.
    func apply(_ change: LedgerChange, bounds: LedgerBounds, size: inout LedgerSize) throws {
        let found = try Row.fetchOne(
            cachedStatement(
                sql: "SELECT number, tenant, webhook, state, ended_at, events, bytes FROM request WHERE id = ?"),
            arguments: [change.id.description])
        guard let found else { return }
        let number: Int64 = found[0]
        let oldState = LedgerFilter.State(rawValue: found[3]) ?? .open
        let newState = LedgerFilter.State(change.ending)
        let oldEnd: Int64? = found[4]
        var bytes: Int = found[6]
        if oldState != newState || oldEnd != change.ending?.at.stored {
            let freed = try replaceResult(of: number, with: change.ending)
            bytes += freed
            size.bytes += freed
        }
        let events = try append(change.events, to: number, after: found[5])
        try update(number, change, state: newState, events: events, bytes: bytes, bounds: bounds)
        guard let webhook: String = found[2] else { return }
        let tenant: String = found[1]
        switch (oldState, change.ending) {
        case (_, nil):
            // It was taken up again; what it ended with is no news any more.
            try cachedStatement(sql: "DELETE FROM delivery WHERE request = ? AND state = 1")
                .execute(arguments: [number])
        case (.open, let ending?):
            try enter(.ended, of: number, tenant: tenant, webhook: webhook, due: ending.at)
        case (.unknown, let ending?) where newState != .unknown:
            try enter(.resolved, of: number, tenant: tenant, webhook: webhook, due: ending.at)
        default: break
        }
    }

    /// Forgets requests that were kept long enough.
    ///
    /// - Returns: how many.
    func deleteKept(until now: RelayTime, limit: Int, size: inout LedgerSize) throws -> Int {
        let rows = try Row.fetchAll(
            cachedStatement(sql: "SELECT number, bytes FROM request WHERE keep_until <= ? ORDER BY keep_until LIMIT ?"),
            arguments: [now.stored, limit])
        for row in rows {
            try cachedStatement(sql: "DELETE FROM request WHERE number = ?").execute(arguments: [row[0] as Int64])
            size.requests -= 1
            size.bytes -= row[1] as Int
        }
        return rows.count
    }

    // MARK: Parts

    private func update(
        _ number: Int64, _ change: LedgerChange, state: LedgerFilter.State, events: Int64, bytes: Int,
        bounds: LedgerBounds
    ) throws {
        let progress = change.progress
        let ending = change.ending
        var status: Int64?
        var failure: RequestFailure?
        switch ending?.outcome {
        case nil: break
        case .http(let content): status = Int64(content.status)
        case .failed(let reason): failure = reason
        }
        let isKeptLong = state == .deadLetter || (state == .unknown && progress.standing == .granted)
        let keptUntil = (ending?.at).map { $0 + (isKeptLong ? bounds.longRetention : bounds.retention) }
        try cachedStatement(
            sql: """
                UPDATE request SET standing = ?, class = ?, attempt = ?, losses = ?, deadline = ?, holder = ?,
                    holder_boot = ?, holder_name = ?, state = ?, ended_at = ?, ended_attempt = ?, ended_by = ?,
                    ended_by_name = ?, status = ?, failure = ?, detail = ?, events = ?, bytes = ?, keep_until = ?
                WHERE number = ?
                """
        ).execute(arguments: [
            Int64(progress.standing.rawValue), Int64(progress.requestClass.rawValue), Int64(progress.attempt),
            Int64(progress.losses), progress.deadline.stored, progress.holder?.member.description,
            progress.holder?.boot.description, progress.holder?.name, state.rawValue, ending?.at.stored,
            (ending?.attempt).map { Int64($0) }, ending?.connector?.description, ending?.connectorName, status,
            (failure?.code.rawValue).map { Int64($0) }, failure?.detail, events, bytes, keptUntil?.stored, number,
        ])
    }

    /// - Returns: how many bytes more there are now.
    private func replaceResult(of number: Int64, with ending: RequestEnding?) throws -> Int {
        let old =
            try Int.fetchOne(
                cachedStatement(sql: "SELECT length(content) FROM result WHERE request = ?"), arguments: [number]) ?? 0
        guard case .http = ending?.outcome, let ending else {
            if old > 0 {
                try cachedStatement(sql: "DELETE FROM result WHERE request = ?").execute(arguments: [number])
            }
            return -old
        }
        var writer = ByteWriter()
        try ResponseMessage(ending.outcome).encode(into: &writer)
        let content = writer.finish()
        try cachedStatement(sql: "INSERT OR REPLACE INTO result VALUES (?, ?)")
            .execute(arguments: [number, Data(content)])
        return content.count - old
    }

    /// Adds events and forgets those in the middle of too many.
    ///
    /// - Returns: how many there have been.
    private func append(_ events: [RequestEvent], to request: Int64, after count: Int64) throws -> Int64 {
        var number = count
        for event in events {
            try cachedStatement(sql: "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)").execute(arguments: [
                request, number, event.at.stored, Int64(event.kind.rawValue), Int64(event.attempt), event.connector,
                event.detail,
            ])
            if number - Self.lastEvents >= Self.firstEvents {
                try cachedStatement(sql: "DELETE FROM event WHERE request = ? AND number = ?")
                    .execute(arguments: [request, number - Self.lastEvents])
            }
            number += 1
        }
        return number
    }

    private func enter(
        _ kind: WebhookDelivery.Kind, of request: Int64, tenant: String, webhook: String, due: RelayTime
    ) throws {
        try cachedStatement(
            sql: """
                INSERT INTO delivery (id, request, tenant, webhook, kind, state, attempts, due, detail)
                VALUES (?, ?, ?, ?, ?, 1, 0, ?, '')
                """
        ).execute(arguments: [
            MessageID.random().description, request, tenant, webhook, Int64(kind.rawValue), due.stored,
        ])
    }
}
