import Foundation

/// What Package.swift says about targets, read from its text.
struct Manifest {
    /// One target of the manifest.
    struct Target {
        var name: String
        /// Dependencies on targets of the package.
        var project: [String]
        /// Dependencies on products of other packages.
        var outside: [String]
        /// Where its sources lie.
        var folder: String
    }

    /// All targets, in order.
    let all: [Target]
    /// The targets but for those of the tests, in order.
    var targets: [Target] { all.filter { !$0.folder.hasPrefix("Tests/") } }

    init() throws {
        let text = try String(contentsOf: SourceTree.root.appending(path: "Package.swift"), encoding: .utf8)
        var products: [String: String] = [:]
        for match in text.matches(of: #/let (\w+) = Target\.Dependency\.(?:product|byName)\(name: "(\w+)"/#) {
            products[String(match.1)] = String(match.2)
        }
        let pattern =
            #/\.(target|executableTarget|testTarget)\(\s*name: "([\w-]+)"(?:,\s*dependencies: \[([^\]]*)\])?(?:,\s*path: "([^"]*)")?/#
        all = text.matches(of: pattern).map { match in
            let items = (match.3 ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
                .filter { !$0.isEmpty }
            let usual = (match.1 == "testTarget" ? "Tests/" : "Sources/") + match.2
            return Target(
                name: String(match.2), project: items.filter { $0.hasPrefix("\"") }.map { $0.filter { $0 != "\"" } },
                outside: items.filter { !$0.hasPrefix("\"") }.map { products[$0] ?? $0 },
                folder: match.4.map(String.init) ?? usual)
        }
    }
}
