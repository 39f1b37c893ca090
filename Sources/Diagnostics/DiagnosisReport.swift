/// The rows of a diagnosis, in order, and how they are shown to people.
public struct DiagnosisReport: Sendable, Equatable {
    /// One row for each check.
    public let rows: [DiagnosisRow]

    /// Makes a report.
    public init(rows: [DiagnosisRow]) {
        self.rows = rows
    }

    /// Whether nothing failed; warnings do not count.
    public var isHealthy: Bool { failures.isEmpty }

    /// The checks that failed; what depends on the first one was not run.
    public var failures: [DiagnosisCheck] { rows.filter { $0.finding.status == .fail }.map(\.check) }

    /// The lines for people: status, check, note, and the fix below them.
    public var lines: [String] {
        let width = rows.map(\.check.rawValue.count).max() ?? 0
        return rows.flatMap { row in
            let finding = row.finding
            let status = finding.status == .fail ? "FAIL" : finding.status.rawValue
            let head = Self.padded(status, to: 9) + Self.padded(row.check.rawValue, to: width + 2)
            let indent = String(repeating: " ", count: 9 + width + 2)
            let notes = finding.note.split(separator: "\n", omittingEmptySubsequences: false)
            let first = head + (notes.first.map(String.init) ?? "")
            let fixes = finding.fix.split(separator: "\n").map { "\(indent)→ \($0)" }
            return [first] + notes.dropFirst().map { indent + $0 } + fixes
        }
    }

    /// One sentence about all of it.
    public var verdict: String {
        let warnings = rows.count { $0.finding.status == .warn }
        let also = warnings == 0 ? "" : ", \(warnings) to look at"
        guard let first = failures.first else { return "All is well\(also)." }
        return failures.count == 1
            ? "\(first.rawValue) failed\(also)."
            : "\(failures.count) failed\(also): begin with \(first.rawValue)."
    }

    private static func padded(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }
}
