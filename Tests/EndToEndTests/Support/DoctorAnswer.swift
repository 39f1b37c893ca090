import Foundation
import Testing

/// What `postern doctor --json` printed.
struct DoctorAnswer: Decodable {
    struct Row: Decodable {
        var check: String
        var status: String
        var note: String
        var fix: String
        var milliseconds: Double?
    }

    var version: String
    var healthy: Bool
    var first_failure: String?
    var rows: [Row]

    subscript(check: String) -> Row? { rows.first { $0.check == check } }

    /// The checks of a status.
    func checks(_ status: String) -> [String] { rows.filter { $0.status == status }.map(\.check) }
}

extension Site {
    /// A configuration all of whose targets can be reached.
    func healthyConfiguration() throws -> String {
        try write(
            """
            services:
              app:
                kind: http
                target: http://127.0.0.1:\(service.port)
                allow:
                  - {methods: [GET, POST], paths: ["/open/**"]}

            """, to: "healthy.yaml")
    }

    /// Runs the doctor; checks that its exit code says what its answer says, and that no check took too long.
    func doctor(
        _ name: String, _ options: [String] = [], configuration: String? = nil, environment: [String: String] = [:],
        _ location: SourceLocation = #_sourceLocation
    ) async throws -> DoctorAnswer {
        let file = try configuration ?? healthyConfiguration()
        let result = try await postern(
            ["doctor", "--json", "--config", file] + options, of: name, environment: environment)
        let answer = try JSONDecoder().decode(DoctorAnswer.self, from: Data(result.output.utf8))
        #expect(result.status == (answer.healthy ? 0 : 12), "\(result.errors)", sourceLocation: location)
        #expect(answer.healthy == answer.checks("fail").isEmpty, sourceLocation: location)
        #expect(answer.first_failure == answer.checks("fail").first, sourceLocation: location)
        #expect(answer.rows.count == 17, sourceLocation: location)
        for row in answer.rows {
            #expect(row.milliseconds ?? 0 < 3500, "\(row)", sourceLocation: location)
            #expect(row.status != "fail" || !row.fix.isEmpty, "\(row)", sourceLocation: location)
        }
        return answer
    }
}
