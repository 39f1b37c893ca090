internal import Foundation
internal import GRDB
internal import RelayDelivery
internal import RelayFormat

/// Reads the ledger's requests.
extension Database {
    /// One request, whole.
    func fetchRequest(_ id: RequestID, of tenant: TenantID) throws -> DurableRequest? {
        let row = try Row.fetchOne(
            cachedStatement(sql: Self.whole + " WHERE r.id = ? AND r.tenant = ?"),
            arguments: [id.description, tenant.description])
        return try row.map(readWhole)
    }

    /// Those that have no ending, or one that may still be resolved.
    func fetchUnfinished(of tenant: TenantID) throws -> [DurableRequest] {
        var requests: [DurableRequest] = []
        for condition in ["r.state = 'open'", "r.state = 'unknown' AND r.standing = 4"] {
            let rows = try Row.fetchCursor(
                self, sql: Self.whole + " WHERE r.tenant = ? AND \(condition) ORDER BY r.number",
                arguments: [tenant.description])
            while let row = try rows.next() { requests.append(try readWhole(row)) }
        }
        return requests.sorted { $0.submittedAt < $1.submittedAt }
    }

    /// The newest requests in short.
    func fetchRequests(of tenant: TenantID, matching filter: LedgerFilter) throws -> [DurableRequest] {
        var conditions = ["tenant = ?"]
        var arguments: StatementArguments = [tenant.description]
        if let state = filter.state {
            conditions.append("state = ?")
            arguments += [state.rawValue]
        }
        if let group = filter.group {
            conditions.append("\"group\" = ?")
            arguments += [group.description]
        }
        if let caller = filter.caller {
            conditions.append("caller = ?")
            arguments += [caller]
        }
        arguments += [max(0, filter.limit)]
        let sql = "SELECT * FROM request WHERE \(conditions.joined(separator: " AND ")) ORDER BY number DESC LIMIT ?"
        let nothing = RequestMessage.Operation.http(.init(method: "", target: "/", headers: [], body: []))
        return try Row.fetchAll(self, sql: sql, arguments: arguments).map { row in
            try DurableRequest(row, operation: nothing, result: nil, events: [])
        }
    }

    private static let whole = """
        SELECT r.*, o.content AS operation, a.content AS result FROM request r
        JOIN operation o ON o.request = r.number LEFT JOIN result a ON a.request = r.number
        """

    private func readWhole(_ row: Row) throws -> DurableRequest {
        let operation: Data = row["operation"]
        var reader = ByteReader([UInt8](operation)[...])
        let decoded: RequestMessage.Operation
        var outcome: ResponseMessage.Outcome?
        do throws(RelayFormatError) {
            decoded = try RequestMessage.Operation(from: &reader)
            if let result: Data = row["result"] {
                var reader = ByteReader([UInt8](result)[...])
                outcome = try ResponseMessage(from: &reader).outcome
            }
        } catch {
            throw LedgerError(.damaged, "a body of request \(row["id"] as String? ?? "?") cannot be read: \(error)")
        }
        return try DurableRequest(
            row, operation: decoded, result: outcome, events: try fetchEvents(of: row["number"], count: row["events"]))
    }

    private func fetchEvents(of request: Int64, count: Int64) throws -> [RequestEvent] {
        var events: [RequestEvent] = []
        var expected: Int64 = 0
        let rows = try Row.fetchCursor(
            cachedStatement(sql: "SELECT * FROM event WHERE request = ? ORDER BY number"), arguments: [request])
        while let row = try rows.next() {
            let number: Int64 = row["number"]
            var detail: String = row["detail"]
            if number > expected {
                detail = "(\(number - expected) events before this are not kept) " + detail
            }
            expected = number + 1
            events.append(
                RequestEvent(
                    at: try row.time("at"), try row.value("kind"), attempt: try row.number("attempt"),
                    connector: row["connector"], detail: detail))
        }
        return events
    }
}

extension DurableRequest {
    /// Reads a row; `result` is the whole outcome where it was read, else it is made of what the row tells.
    fileprivate init(
        _ row: Row, operation: RequestMessage.Operation, result: ResponseMessage.Outcome?, events: [RequestEvent]
    ) throws(LedgerError) {
        var holder: RequestProgress.Holder?
        if let member: MemberID = try row.optionalIdentifier("holder"),
            let boot: BootID = try row.optionalIdentifier("holder_boot")
        {
            holder = .init(member: member, boot: boot, name: row["holder_name"] ?? "")
        }
        let fingerprint: Data = row["fingerprint"]
        self.init(
            id: try row.identifier("id"), tenant: try row.identifier("tenant"), group: try row.identifier("group"),
            groupName: row["group_name"], service: row["service"], caller: row["caller"],
            idempotencyKey: row["idempotency_key"], fingerprint: [UInt8](fingerprint), operation: operation,
            parkUntil: try row.time("park_until"), submittedAt: try row.time("submitted_at"), webhook: row["webhook"],
            progress: RequestProgress(
                standing: try row.value("standing"), requestClass: try row.value("class"),
                attempt: try row.number("attempt"), losses: try row.number("losses"),
                deadline: try row.time("deadline"), holder: holder),
            ending: try Self.ending(row, result: result), events: events)
    }

    private static func ending(
        _ row: Row, result: ResponseMessage.Outcome?
    ) throws(LedgerError) -> RequestEnding? {
        guard row["ended_at"] as Int64? != nil else { return nil }
        let outcome: ResponseMessage.Outcome
        if let result {
            outcome = result
        } else if row["failure"] as Int64? != nil {
            outcome = .failed(RequestFailure(try row.value("failure"), row["detail"] ?? ""))
        } else {
            let status = UInt16(clamping: try row.number("status"))
            outcome = .http(HTTPResponseContent(status: status, headers: [], body: []))
        }
        return RequestEnding(
            outcome, connector: try row.optionalIdentifier("ended_by"), connectorName: row["ended_by_name"],
            attempt: try row.number("ended_attempt"), at: try row.time("ended_at"))
    }
}
