import Foundation
import Testing

@Suite("The habits of the sources")
struct SourceHabitTests {
    private func sources() throws -> [SourceTree.File] {
        try House.targets.flatMap { try SourceTree.files(in: $0.folder) }
    }

    @Test("no file has more than 400 lines")
    func length() throws {
        for file in try sources() + SourceTree.files(in: "Tests") {
            #expect(file.lines.count <= 400, "\(file.path) has \(file.lines.count) lines")
        }
    }

    @Test(
        "nothing is left for later, and nothing ends the process on what others sent",
        arguments: [
            "TODO", "FIXME", "XXX", "try!", "fatalError(", "as!", "unowned(unsafe)", "nonisolated(unsafe)",
        ])
    func words(word: String) throws {
        for file in try sources() {
            for (index, line) in file.lines(with: word) {
                let isComment = line.drop { $0 == " " }.hasPrefix("//") && ["as!", "try!"].contains(word)
                #expect(isComment, "\(file.path):\(index + 1) has \(word)")
            }
        }
    }

    @Test("an unchecked Sendable has its reason in the line above")
    func unchecked() throws {
        for file in try sources() {
            for (index, _) in file.lines(with: "@unchecked Sendable") {
                let above = index > 0 ? file.lines[index - 1].drop { $0 == " " } : ""
                #expect(above.hasPrefix("//"), "\(file.path):\(index + 1)")
            }
        }
    }

    @Test("a task that nobody waits for names its owner in the line above")
    func tasks() throws {
        for file in try sources() {
            for (index, line) in file.lines(with: "Task") where line.contains(/\bTask(\.detached)? ?(\(.*\) )?\{/) {
                let isComment = line.drop { $0 == " " }.hasPrefix("//")
                let above = file.lines[max(0, index - 3)..<index].map { $0.drop { $0 == " " } }
                #expect(isComment || above.contains { $0.hasPrefix("//") }, "\(file.path):\(index + 1)")
            }
        }
    }

    @Test("no type has the name of its module, which would hide the module's other names")
    func moduleNames() throws {
        for target in House.targets {
            for file in try SourceTree.files(in: target.folder) {
                for (index, line) in file.lines(with: target.name) {
                    let pattern = "\\b(struct|class|enum|actor|protocol|typealias) \(target.name)\\b"
                    let declares = line.range(of: pattern, options: .regularExpression) != nil
                    #expect(!declares, "\(file.path):\(index + 1)")
                }
            }
        }
    }

    @Test("no target waits with a placeholder in it")
    func placeholders() throws {
        for file in try sources() {
            #expect(!file.path.hasSuffix("/Placeholder.swift"), "\(file.path)")
        }
    }

    @Test("what is in print goes through a log or a command's own output")
    func printing() throws {
        for target in House.targets where target.kind != .command {
            for file in try SourceTree.files(in: target.folder) {
                for (index, line) in file.lines(with: "print(") where line.contains(/(^|[^\w.])print\(/) {
                    #expect(line.drop { $0 == " " }.hasPrefix("//"), "\(file.path):\(index + 1) prints")
                }
            }
        }
    }
}
