/// Rows under headings, in columns as wide as they need to be.
struct TextTable {
    private let headings: [String]
    private let rows: [[String]]
    private let empty: String

    /// Makes a table; `empty` is printed in place of headings without rows.
    init(_ headings: [String], _ rows: [[String]], empty: String = "none") {
        self.headings = headings
        self.rows = rows
        self.empty = empty
    }

    /// Makes a list of names and values.
    init(facts: [(String, String)]) {
        headings = []
        rows = facts.map { [$0.0, $0.1] }
        empty = ""
    }

    /// The lines.
    var text: String {
        guard !rows.isEmpty else { return empty }
        let lines = (headings.isEmpty ? [] : [headings.map { $0.uppercased() }]) + rows
        var widths = [Int](repeating: 0, count: lines.map(\.count).max() ?? 0)
        for line in lines {
            for (column, cell) in line.enumerated() { widths[column] = max(widths[column], cell.count) }
        }
        return lines.map { line in
            line.enumerated().map { column, cell in
                column == line.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}
