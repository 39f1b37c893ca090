internal import EnrollmentClient
internal import EnrollmentProtocol
internal import Foundation

/// The audit log, as the API shows it.
extension TenantAPI {
    /// Reads rows, oldest first, page by page.
    ///
    /// - Parameter query: what is looked for, as `&since=…`.
    func auditRows(_ query: String, _ take: ([AuditRow]) throws -> Void) async throws {
        var after = ""
        while true {
            let page: AuditPage = try await http.call("GET", "\(APIPath.audit)?limit=1000\(after)\(query)")
            try take(page.items)
            guard let next = page.next else { return }
            after = "&after=" + next.percentEncoded
        }
    }

    /// The heads of a connector's log that the tenant's log holds.
    func keptHeads(of connector: String) async throws -> [AuditHeadReference] {
        var heads: [AuditHeadReference] = []
        try await auditRows("&action=audit.head&actor=\(connector.percentEncoded)") { rows in
            for row in rows {
                guard let size = row.detail["size"].flatMap({ UInt64($0) }), let root = row.detail["root"] else {
                    continue
                }
                let line = Data(#"{"size":\#(size),"root":"\#(root)"}"#.utf8)
                guard var head = try? EnrollmentJSON.decode(AuditHeadReference.self, from: line) else { continue }
                head.keptBy = "row \(row.sequence) of the tenant's log"
                head.of = connector
                heads.append(head)
            }
        }
        return heads
    }
}
