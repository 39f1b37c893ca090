internal import ArgumentParser
internal import Foundation

/// How a command prints what it found.
struct OutputOptions: ParsableArguments {
    /// The forms of output.
    enum Form: String, ExpressibleByArgument, CaseIterable {
        /// Aligned columns for people.
        case table
        /// The answer of the API for programs.
        case json
    }

    @Option(name: .shortAndLong, help: "table for people, json for programs.")
    var output: Form = .table

    /// Prints a value: as JSON, or as the table of it.
    func print(_ value: some Encodable, as table: @autoclosure () -> TextTable) throws {
        switch output {
        case .json:
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            encoder.dateEncodingStrategy = .iso8601
            Swift.print(String(decoding: try encoder.encode(value), as: UTF8.self))
        case .table:
            Swift.print(table().text)
        }
    }
}
