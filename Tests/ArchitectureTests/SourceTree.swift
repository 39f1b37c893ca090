import Foundation

/// The sources of the package as text.
struct SourceTree {
    /// One import line.
    struct Import: Equatable {
        /// The access level that it states; nil when it states none.
        var access: String?
        /// The module.
        var module: String
        /// The kind of a single declaration that it names, as in `import struct Foundation.Date`.
        var declaration: String?

        /// Reads a line; nil for one that is no import.
        init?(_ line: String) {
            let pattern =
                #/^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(public|package|internal|fileprivate|private)\s+)?import\s+(?:(struct|class|enum|protocol|func|var|let|typealias|actor)\s+)?([\w]+)/#
            guard let match = line.firstMatch(of: pattern) else { return nil }
            access = match.1.map(String.init)
            declaration = match.2.map(String.init)
            module = String(match.3)
        }
    }

    /// One file.
    struct File {
        /// The path from the package's folder.
        var path: String
        var lines: [String]
        fileprivate var bytes: Data

        /// The import lines; those of another language in a text of several lines are none.
        var imports: [Import] {
            var isText = false
            return lines.compactMap { line in
                if line.contains("\"\"\""), line.components(separatedBy: "\"\"\"").count.isMultiple(of: 2) {
                    isText.toggle()
                }
                return !isText && line.contains("import ") ? Import(line) : nil
            }
        }

        /// The lines that hold a word, with their indices.
        func lines(with word: String) -> [(index: Int, text: String)] {
            // Most files hold none, which their bytes tell much faster than their lines.
            guard bytes.range(of: Data(word.utf8)) != nil else { return [] }
            return lines.enumerated().filter { $0.element.contains(word) }.map { ($0.offset, $0.element) }
        }
    }

    /// The package's folder.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The Swift files below a folder of the package, in order.
    static func files(in folder: String) throws -> [File] {
        let base = root.appending(path: folder)
        guard let paths = FileManager.default.enumerator(atPath: base.path) else { return [] }
        return try paths.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }.sorted().map { path in
            let bytes = try Data(contentsOf: base.appending(path: path))
            let lines = String(decoding: bytes, as: UTF8.self).components(separatedBy: "\n")
            return File(path: "\(folder)/\(path)", lines: lines, bytes: bytes)
        }
    }

    /// The names of the folders in a folder of the package.
    static func folders(in folder: String) throws -> Set<String> {
        let entries = try FileManager.default.contentsOfDirectory(
            at: root.appending(path: folder), includingPropertiesForKeys: [.isDirectoryKey])
        return Set(
            try entries.filter { try $0.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == true }
                .map(\.lastPathComponent))
    }
}
