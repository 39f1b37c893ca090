import Foundation
import Testing

/// Somebody with a shell and time: rows edited, deleted and swapped in the logs of both ends, carelessly and with care.
@Suite("End to end: forged audit logs", .serialized, .timeLimit(.minutes(5)))
struct AuditForgeryEndToEndTests {
    private enum Change: String, CaseIterable {
        case edit, delete, swap
    }

    /// Changes rows 1 and 2 of a log.
    ///
    /// With care, all that rests on them is made anew: the chain, the leaves, the tree's
    /// edge and the stored head.
    private static let forger = """
        import hashlib, sqlite3, struct, sys
        path, log, change, care = sys.argv[1:5]
        sha = lambda b: hashlib.sha256(b).digest()
        db = sqlite3.connect(path)
        rows = db.execute("SELECT body, time, actor, action FROM entries WHERE log = ? ORDER BY sequence", (log,)).fetchall()
        assert len(rows) > 4
        flip = lambda b: b[:-1] + bytes([b[-1] ^ 1])
        if care == "careless":
            if change == "edit": db.execute("UPDATE entries SET body = ? WHERE log = ? AND sequence = 1", (flip(rows[1][0]), log))
            if change == "delete": db.execute("DELETE FROM entries WHERE log = ? AND sequence = 1", (log,))
            if change == "swap":
                for to, fro in ((1, 2), (2, 1)):
                    db.execute("UPDATE entries SET body = ? WHERE log = ? AND sequence = ?", (rows[fro][0], log, to))
            db.commit(); sys.exit()
        if change == "edit":  # Its time, which needs no other change of the encoding.
            body = bytearray(rows[1][0]); body[48] ^= 1
            rows[1] = (bytes(body),) + rows[1][1:]
        if change == "delete": del rows[1]
        if change == "swap": rows[1], rows[2] = rows[2], rows[1]
        db.execute("DELETE FROM entries WHERE log = ?", (log,))
        db.execute("DELETE FROM nodes WHERE log = ?", (log,))
        last, peaks = sha(b""), []
        for number, (body, time, actor, action) in enumerate(rows):
            body = body[:1] + struct.pack(">Q", number) + last + body[41:]
            last = sha(b"\\x00" + body)
            db.execute("INSERT INTO entries (log, sequence, leaf, body, time, actor, action) VALUES (?, ?, ?, ?, ?, ?, ?)",
                       (log, number, last, body, time, actor, action))
            node, bits = last, number
            while bits & 1: node, bits = sha(b"\\x01" + peaks.pop() + node), bits >> 1
            peaks.append(node)
        db.execute("UPDATE logs SET size = ?, peaks = ?, last = ? WHERE name = ?", (len(rows), b"".join(peaks), last, log))
        db.commit()
        """

    /// A log of one end, set aside, and how it is verified.
    private struct Log {
        let name: String
        let file: String
        let heads: String
        let verify: (_ folder: String, _ heads: String?) async throws -> Program.Result
    }

    private struct Head: Decodable { var size: Int }

    @Test("each change is found: a careless one by the log alone, a careful one by the other end's heads alone")
    func forged() async throws {
        try await Site.with(connectors: ["one"]) { site in
            for word in ["one", "two"] {
                #expect(try await site.postern(["pause", "--note", word], of: "one").status == 0)
                #expect(try await site.postern(["resume"], of: "one").status == 0)
            }
            // A start exchanges heads at once.
            site.connectors["one"]?.signal(SIGTERM)
            _ = await site.connectors["one"]?.wait()
            try site.run("one")
            let ofConnector = try await heads(site, "kept by the tenant") {
                try await site.ctl(["audit", "heads"]).output
            }
            let ofTenant = try await heads(site, "kept by the connector") {
                try await site.postern(["audit", "heads"], of: "one").output
            }
            site.connectors["one"]?.signal(SIGTERM)
            _ = await site.connectors["one"]?.wait()
            site.tenant?.signal(SIGTERM)
            _ = await site.tenant?.wait()

            let tenant = try tenantID(
                try await Program.run(
                    "postern-tenant", ["tenants", "list", "--state-dir", site.tenantFolder], in: site.folder
                ).output)
            try site.write(Self.forger, to: "forge.py")
            let logs = [
                Log(name: "connector", file: site.state("one"), heads: ofConnector) { folder, heads in
                    try await Program.run(
                        "postern",
                        ["audit", "verify", "--offline", "--state-dir", folder] + (heads.map { ["--head", $0] } ?? []),
                        in: site.folder)
                },
                Log(name: tenant, file: site.tenantFolder, heads: ofTenant) { folder, heads in
                    try await Program.run(
                        "postern-tenant",
                        ["audit", "verify", "default", "--state-dir", folder] + (heads.map { ["--head", $0] } ?? []),
                        in: site.folder)
                },
            ]
            for log in logs {
                let whole = try await log.verify(log.file, log.heads)
                #expect(whole.status == 0, "\(log.name): \(whole)")
                for change in Change.allCases {
                    let careless = try await forge(log, change, "careless", site)
                    let seen = try await log.verify(careless, nil)
                    #expect(seen.status != 0 && seen.errors.contains("row 1 "), "\(log.name) \(change): \(seen)")
                    let careful = try await forge(log, change, "careful", site)
                    let silent = try await log.verify(careful, nil)
                    #expect(silent.status == 0, "\(log.name) \(change), which is whole in itself: \(silent)")
                    let found = try await log.verify(careful, log.heads)
                    #expect(
                        found.status != 0 && found.errors.contains("audit log is not what it was"),
                        "\(log.name) \(change): \(found)")
                }
            }
        }
    }

    /// Waits for heads that cover the rows that will be changed.
    private func heads(_ site: Site, _ what: String, _ read: () async throws -> String) async throws -> String {
        var text = ""
        try await waitUntil("heads are \(what)", within: .seconds(40)) {
            text = try await read()
            return text.split(separator: "\n").contains {
                (try? JSONDecoder().decode(Head.self, from: Data($0.utf8)))?.size ?? 0 > 4
            }
        }
        return try site.write(text, to: "heads-\(UUID().uuidString)")
    }

    private func tenantID(_ list: String) throws -> String {
        try #require(list.split(whereSeparator: \.isNewline).first?.split(separator: "\t").last.map(String.init))
    }

    /// A copy of a folder with a changed log.
    private func forge(_ log: Log, _ change: Change, _ care: String, _ site: Site) async throws -> String {
        let copy = site.path("forged-\(UUID().uuidString)")
        try FileManager.default.copyItem(atPath: log.file, toPath: copy)
        let forged = try await Program.run(
            "python3", [site.path("forge.py"), copy + "/audit.sqlite", log.name, change.rawValue, care],
            in: site.folder)
        try #require(forged.status == 0, "\(forged.errors)")
        return copy
    }
}
