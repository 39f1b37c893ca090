extension HTTPAccessPolicy {
    /// What is allowed, for people: one text for each rule.
    public var allowances: [String] {
        rules.map { rule in
            let methods = rule.methods.contains("*") ? "all methods" : rule.methods.sorted().joined(separator: ", ")
            return "\(methods) on \(rule.paths.map(\.description).joined(separator: ", "))"
        }
    }

    /// Whether some rule allows every method on every path.
    public var allowsEverything: Bool {
        rules.contains { rule in
            rule.methods.contains("*") && rule.paths.contains { $0.description == "/**" }
        }
    }
}
