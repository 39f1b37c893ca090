/// Metrics in Prometheus' text format 0.0.4.
struct PrometheusText {
    enum Kind: String {
        case counter, gauge, histogram
    }

    private var families: [String: (kind: Kind, lines: [MetricsRegistry.Key: [String]])] = [:]

    mutating func add(_ key: MetricsRegistry.Key, _ value: Double, as kind: Kind) {
        families[key.name, default: (kind, [:])].lines[key] = [Self.line(key.name, key.labels, value)]
    }

    mutating func add(_ key: MetricsRegistry.Key, _ spread: SpreadValue.Content) {
        var lines = zip(SpreadValue.bounds, spread.counts).map { bound, count in
            Self.line("\(key.name)_bucket", Self.joined(key.labels, "le=\"\(Self.text(bound))\""), Double(count))
        }
        lines.append(
            Self.line("\(key.name)_bucket", Self.joined(key.labels, "le=\"+Inf\""), Double(spread.count)))
        lines.append(Self.line("\(key.name)_sum", key.labels, spread.sum))
        lines.append(Self.line("\(key.name)_count", key.labels, Double(spread.count)))
        families[key.name, default: (.histogram, [:])].lines[key] = lines
    }

    /// All of it, ordered by name and labels.
    var lines: String {
        families.sorted { $0.key < $1.key }.map { name, family in
            "# TYPE \(name) \(family.kind.rawValue)\n"
                + family.lines.sorted { $0.key < $1.key }.flatMap(\.value).map { $0 + "\n" }.joined()
        }.joined()
    }

    /// A name of letters, digits, `_` and `:`.
    static func name(_ label: String) -> String {
        let text = String(String.UnicodeScalarView(label.unicodeScalars.map { isWord($0) || $0 == ":" ? $0 : "_" }))
        return text.first?.isNumber == false ? text : "_" + text
    }

    /// Labels as they stand between braces, ordered by name.
    static func labels(_ dimensions: [(String, String)]) -> String {
        dimensions.map { (name($0.0), $0.1) }.sorted { $0.0 < $1.0 }
            .map { "\($0)=\"\(escaped($1))\"" }.joined(separator: ",")
    }

    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar) || scalar == "_"
    }

    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { escaped, character in
            switch character {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n", "\r\n": escaped += "\\n"
            default: escaped.append(character)
            }
        }
    }

    private static func joined(_ labels: String, _ more: String) -> String {
        labels.isEmpty ? more : "\(labels),\(more)"
    }

    private static func line(_ name: String, _ labels: String, _ value: Double) -> String {
        "\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(text(value))"
    }

    /// A number; a whole one without a point.
    private static func text(_ value: Double) -> String {
        Int64(exactly: value).map { "\($0)" } ?? (value.isNaN ? "NaN" : value.isInfinite ? "+Inf" : "\(value)")
    }
}
