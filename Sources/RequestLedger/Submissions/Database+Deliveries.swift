internal import GRDB
internal import RelayDelivery
internal import RelayFormat

/// Reads and changes the deliveries to webhooks.
extension Database {
    /// The pending deliveries whose time has come, no more than `perWebhook` of any one webhook.
    func fetchDueDeliveries(at now: RelayTime, perWebhook: Int, limit: Int) throws -> [WebhookDelivery] {
        try Row.fetchAll(
            cachedStatement(
                sql: """
                    SELECT * FROM (
                        SELECT d.*, r.id AS request_id,
                            row_number() OVER (PARTITION BY d.tenant, d.webhook ORDER BY d.due, d.number) AS place
                        FROM delivery d JOIN request r ON r.number = d.request
                        WHERE d.state = 1 AND d.due <= ?)
                    WHERE place <= ? ORDER BY due, number LIMIT ?
                    """),
            arguments: [now.stored, perWebhook, limit]
        ).map { row in try WebhookDelivery(row) }
    }

    /// The deliveries of one request.
    func fetchDeliveries(of request: RequestID, in tenant: TenantID) throws -> [WebhookDelivery] {
        try Row.fetchAll(
            cachedStatement(
                sql: """
                    SELECT d.*, r.id AS request_id FROM delivery d JOIN request r ON r.number = d.request
                    WHERE r.id = ? AND r.tenant = ? ORDER BY d.number
                    """),
            arguments: [request.description, tenant.description]
        ).map { row in try WebhookDelivery(row) }
    }

    /// Writes down how a delivery stands.
    func update(_ delivery: WebhookDelivery) throws {
        try cachedStatement(sql: "UPDATE delivery SET state = ?, attempts = ?, due = ?, detail = ? WHERE id = ?")
            .execute(arguments: [
                Int64(delivery.state.rawValue), Int64(delivery.attempts), delivery.due.stored, delivery.detail,
                delivery.id.description,
            ])
    }
}

extension WebhookDelivery {
    fileprivate init(_ row: Row) throws(LedgerError) {
        self.init(
            id: try row.identifier("id"), tenant: try row.identifier("tenant"),
            request: try row.identifier("request_id"), webhook: row["webhook"], kind: try row.value("kind"),
            state: try row.value("state"), attempts: try row.number("attempts"), due: try row.time("due"),
            detail: row["detail"])
    }
}
