extension Duration {
    /// Reads a time as people write it: a number with `ms`, `s`, `m` or `h`, or without a unit for seconds.
    public init?(text: some StringProtocol) {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard let value = Double(digits), value.isFinite, value <= 1e9 else { return nil }
        let factor: Double? =
            switch text.dropFirst(digits.count) {
            case "ms": 0.001
            case "", "s": 1
            case "m": 60
            case "h": 3600
            default: nil
            }
        guard let factor else { return nil }
        self = .seconds(value * factor)
    }
}
