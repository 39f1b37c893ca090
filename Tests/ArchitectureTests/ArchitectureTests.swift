import Testing

@Suite("The house")
struct ArchitectureTests {
    private static let targetNames = Set(House.targets.map(\.name))

    @Test("a target imports only what the table allows", arguments: House.targets)
    func imports(target: House.Target) throws {
        let files = try SourceTree.files(in: target.folder)
        #expect(!files.isEmpty, "\(target.name) has no sources")
        for file in files {
            for line in file.imports where line.module != "Foundation" {
                let isAllowed =
                    target.project.contains(line.module) || target.outside.contains(line.module)
                    || House.toolchain.contains(line.module)
                #expect(isAllowed, "\(file.path) imports \(line.module)")
            }
        }
    }

    @Test("a pure target imports of Foundation only what the table says", arguments: House.targets)
    func foundation(target: House.Target) throws {
        for file in try SourceTree.files(in: target.folder) {
            for line in file.imports where line.module == "Foundation" {
                switch target.foundation {
                case .nothing: Issue.record("\(file.path) imports Foundation")
                case .types: #expect(line.declaration != nil, "\(file.path) imports the whole of Foundation")
                case .all: break
                }
            }
        }
    }

    @Test("every import states its access level", arguments: House.targets)
    func access(target: House.Target) throws {
        for file in try SourceTree.files(in: target.folder) {
            for line in file.imports {
                #expect(line.access != nil, "\(file.path) imports \(line.module) without an access level")
            }
        }
    }

    @Test("the table and the manifest name the same targets in the same order")
    func order() throws {
        #expect(try Manifest().targets.map(\.name) == House.targets.map(\.name))
    }

    @Test("what a target depends on stands above it, and no kind stands below its users")
    func directions() throws {
        var above: Set<String> = []
        var last = House.Kind.pure
        for target in House.targets {
            for dependency in target.project {
                #expect(above.contains(dependency), "\(target.name) may import \(dependency), which stands below it")
            }
            #expect(target.kind >= last, "\(target.name) stands below a \(last) target")
            last = target.kind
            above.insert(target.name)
        }
    }

    @Test("the manifest links nothing that the table does not allow")
    func manifest() throws {
        let table = Dictionary(uniqueKeysWithValues: House.targets.map { ($0.name, $0) })
        for target in try Manifest().targets {
            let allowed = try #require(table[target.name])
            for dependency in target.project {
                let isAllowed = allowed.project.contains(dependency) || allowed.outside.contains(dependency)
                #expect(isAllowed, "\(target.name) links \(dependency)")
            }
            for dependency in target.outside {
                #expect(allowed.outside.contains(dependency), "\(target.name) links \(dependency)")
            }
        }
    }

    /// An incremental build finds a module that some other target has built; a clean one may not have it yet.
    @Test("what a target imports stands among its own dependencies in the manifest")
    func dependencies() throws {
        let manifest = try Manifest()
        #expect(manifest.all.count > House.targets.count + 10, "the manifest was not read to its end")
        let own = House.system.union(House.toolchain).union(["Foundation", "Testing"])
        for target in manifest.all {
            // A program's module is spelt without what a name in Swift cannot have.
            let known = own.union(target.outside).union(target.project.map { $0.replacing("-", with: "_") })
            for file in try SourceTree.files(in: target.folder) {
                for line in file.imports where !known.contains(line.module) {
                    Issue.record("\(file.path) imports \(line.module), on which \(target.name) does not depend")
                }
            }
        }
    }

    @Test("every folder of sources is a target of the table, and every target has its folder")
    func folders() throws {
        let folders = try SourceTree.folders(in: "Sources").map { "Sources/\($0)" }
        let issuing = try SourceTree.folders(in: "enrollment/Sources").map { "enrollment/Sources/\($0)" }
        let known = House.targets.map(\.folder).filter { !$0.hasPrefix("ops/") }
        #expect(Set(folders + issuing) == Set(known))
    }

    @Test("the issuing side is imported by itself and by postern-tenant alone")
    func trustBoundary() throws {
        for target in House.targets where !target.folder.hasPrefix("enrollment/") && target.name != "postern-tenant" {
            #expect(target.project.isDisjoint(with: ["CertificateAuthority", "EnrollmentService"]))
        }
        for file in try SourceTree.files(in: "Sources") where !file.path.hasPrefix("Sources/postern-tenant/") {
            for line in file.imports {
                #expect(
                    line.module != "CertificateAuthority" && line.module != "EnrollmentService",
                    "\(file.path) imports \(line.module)")
            }
        }
    }

    @Test("connector and dispatcher know the broker's contract and no broker")
    func brokers() {
        for target in House.targets where target.kind == .service {
            #expect(target.project.contains("BrokerCore"))
            #expect(target.project.isDisjoint(with: ["SQLiteBroker", "BrokerLink"]), "\(target.name)")
        }
    }

    @Test("the connector's program has nothing of the tenant's in it")
    func connectorProgram() throws {
        let table = Dictionary(uniqueKeysWithValues: House.targets.map { ($0.name, $0) })
        var reached: Set<String> = []
        var open: [String] = ["postern"]
        while let name = open.popLast() {
            guard reached.insert(name).inserted else { continue }
            open += try #require(table[name]).project
        }
        let tenant: Set<String> = [
            "TenantPort", "Dispatcher", "SQLiteBroker", "CertificateAuthority", "EnrollmentService",
        ]
        #expect(reached.isDisjoint(with: tenant))
    }

    @Test(
        "import lines are read as they are written",
        arguments: [
            ("import Testing", nil, "Testing", nil), ("internal import Foundation", "internal", "Foundation", nil),
            ("  public import struct Foundation.Date", "public", "Foundation", "struct"),
            ("@testable import Connector", nil, "Connector", nil),
            ("@preconcurrency public import X509", "public", "X509", nil),
            ("@_spi(Internal) internal import Hummingbird", "internal", "Hummingbird", nil),
        ] as [(String, String?, String, String?)])
    func reading(line: String, access: String?, module: String, declaration: String?) throws {
        let read = try #require(SourceTree.Import(line))
        #expect(read.access == access)
        #expect(read.module == module)
        #expect(read.declaration == declaration)
        #expect(SourceTree.Import("// import Foundation") == nil)
        #expect(SourceTree.Import("let important = 5") == nil)
    }
}

extension House.Target: CustomTestStringConvertible {
    var testDescription: String { name }
}
