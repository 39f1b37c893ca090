internal import Foundation
internal import GRDB
internal import RelayDelivery
internal import RelayFormat

/// The changes of one transaction, with what they do to the journal's bounds.
struct JournalPage {
    let database: Database
    let bounds: JournalBounds
    let now: RelayTime
    /// How many requests and bytes of answers there are.
    var held: JournalHoldings

    /// Whether changes may be made, as far as the bound on requests goes.
    func hasRoom(for changes: [JournalChange]) throws -> Bool {
        guard held.requests + changes.count > bounds.requests else { return true }
        let fresh = try changes.filter { change in
            guard case .begun(let record) = change else { return false }
            return try answerSize(of: record.id) == nil
        }
        return held.requests + fresh.count <= bounds.requests
    }

    mutating func apply(_ change: JournalChange) throws {
        switch change {
        case .begun(let record): try begin(record)
        case .withdrawn(let id, let attempt):
            try database.cachedStatement(sql: "DELETE FROM request WHERE id = ? AND attempt <= ? AND state IN (1, 2)")
                .execute(arguments: [id.description, Int64(attempt)])
            held.requests -= database.changesCount
        case .finished(let id, let outcome): try finish(id, outcome)
        case .receipted(let id):
            try database.cachedStatement(sql: "UPDATE request SET receipted = 1 WHERE id = ?")
                .execute(arguments: [id.description])
        }
    }

    private mutating func begin(_ record: JournalRecord) throws {
        let state: JournalSchema.State = record.state == .claimed ? .claimed : .started
        if let size = try answerSize(of: record.id) {
            held.answers -= size
        } else {
            held.requests += 1
        }
        try database.cachedStatement(
            sql: """
                INSERT INTO request (id, attempt, class, tenant, "group", dispatcher, deadline, state, written)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET
                    attempt = excluded.attempt, class = excluded.class, tenant = excluded.tenant,
                    "group" = excluded."group", dispatcher = excluded.dispatcher, deadline = excluded.deadline,
                    state = excluded.state, written = excluded.written, receipted = 0, outcome = NULL
                """
        ).execute(arguments: [
            record.id.description, Int64(record.attempt), Int64(record.requestClass.rawValue),
            record.tenant.description, record.group.description, record.dispatcher.description,
            Int64(clamping: record.deadline.milliseconds), state.rawValue, Int64(clamping: now.milliseconds),
        ])
    }

    private mutating func finish(_ id: RequestID, _ outcome: ResponseMessage.Outcome) throws {
        let message = ResponseMessage(outcome)
        var writer = ByteWriter(capacity: message.encodedSizeHint)
        try message.encode(into: &writer)
        let bytes = Data(writer.finish())
        let isKept = bytes.count <= bounds.answers
        try database.cachedStatement(
            sql: "UPDATE request SET state = 3, outcome = ?, written = ? WHERE id = ? AND state <> 3"
        ).execute(arguments: [isKept ? bytes : nil, Int64(clamping: now.milliseconds), id.description])
        guard isKept, database.changesCount > 0 else { return }
        held.answers += bytes.count
        try evict(downTo: bounds.answers)
    }

    /// The size of a request's answer; nil where the request is not in the journal.
    private func answerSize(of id: RequestID) throws -> Int? {
        try Int.fetchOne(
            database.cachedStatement(sql: "SELECT coalesce(length(outcome), 0) FROM request WHERE id = ?"),
            arguments: [id.description])
    }

    /// Drops answers until they take no more than `limit` bytes.
    private mutating func evict(downTo limit: Int, onlyReceipted: Bool = false) throws {
        while held.answers > limit {
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT number, length(outcome) FROM request
                    WHERE outcome IS NOT NULL\(onlyReceipted ? " AND receipted = 1" : "")
                    ORDER BY receipted DESC, number LIMIT 64
                    """)
            guard !rows.isEmpty else { return }
            for row in rows where held.answers > limit {
                let number: Int64 = row[0]
                let size: Int = row[1]
                try database.execute(sql: "UPDATE request SET outcome = NULL WHERE number = ?", arguments: [number])
                held.answers -= size
            }
        }
    }

    /// Forgets what was kept long enough; a part of it at a time.
    mutating func purge() throws {
        let sql = """
            FROM request WHERE number IN (
                SELECT number FROM request WHERE written <= ? AND deadline <= ? ORDER BY written LIMIT 4096)
            """
        let arguments: StatementArguments = [
            Int64(clamping: (now + (.zero - bounds.retention)).milliseconds), Int64(clamping: now.milliseconds),
        ]
        guard
            let row = try Row.fetchOne(
                database, sql: "SELECT count(*), coalesce(sum(length(outcome)), 0) \(sql)", arguments: arguments)
        else { return }
        held.requests -= row[0] as Int
        held.answers -= row[1] as Int
        try database.execute(sql: "DELETE \(sql)", arguments: arguments)
    }

    /// Makes what room there is to be made, when the file may grow no more.
    mutating func makeRoom() throws {
        try purge()
        try evict(downTo: 0, onlyReceipted: true)
    }
}

/// How much is in a journal.
struct JournalHoldings: Sendable {
    var requests = 0
    var answers = 0
}
