public import Foundation

/// The Python packages that ops/test installs into `.build/python`; tests that need one are skipped where it is missing.
public enum PythonPackages {
    private static let folder: URL = {
        if let path = ProcessInfo.processInfo.environment["POSTERN_PYTHON"] { return URL(filePath: path) }
        return URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../.build/python")
            .standardizedFileURL
    }()

    /// What to say of a test that is skipped.
    public static let note = "a Python package is missing; ops/test installs it (require_python)"

    /// The interpreter that has the packages; nil where it is not installed.
    public static var interpreter: String? {
        let path = folder.appending(path: "bin/python3").path
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }

    /// The interpreter and a program of a package, which together run it; nil where it is not installed.
    public static func program(_ name: String) -> [String]? {
        let program = folder.appending(path: "bin/\(name)").path
        guard FileManager.default.isReadableFile(atPath: program) else { return nil }
        return [folder.appending(path: "bin/python3").path, program]
    }

    /// A folder within the installed packages; nil where it is not installed.
    public static func data(_ path: String) -> URL? {
        let libraries = folder.appending(path: "lib")
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: libraries.path)) ?? []
        return versions.sorted().map { libraries.appending(path: "\($0)/site-packages/\(path)") }
            .first { FileManager.default.fileExists(atPath: $0.path) }
    }
}
