import Diagnostics
import Testing

@Suite("A diagnosis")
struct DiagnosisTests {
    /// Runs a diagnosis to its end; what is not named here is well.
    private func run(
        absent: [DiagnosisCheck: String] = [:], _ findings: [DiagnosisCheck: DiagnosisFinding] = [:]
    ) -> (report: DiagnosisReport, waves: [[DiagnosisCheck]]) {
        var diagnosis = Diagnosis(absent: absent)
        var waves: [[DiagnosisCheck]] = []
        while !diagnosis.isComplete {
            let ready = diagnosis.ready()
            guard !ready.isEmpty else { break }
            waves.append(ready)
            for check in ready { diagnosis.conclude(check, findings[check] ?? .ok("well"), milliseconds: 1) }
        }
        return (diagnosis.report, waves)
    }

    @Test("looks at everything once when all is well, independent things at the same time")
    func healthy() {
        let (report, waves) = run()
        #expect(report.isHealthy && report.rows.map(\.check) == DiagnosisCheck.allCases)
        #expect(report.rows.allSatisfy { $0.finding.status == .ok })
        #expect(waves.flatMap { $0 }.count == DiagnosisCheck.allCases.count)
        #expect(waves[0] == [.configuration, .keyFiles, .dns, .disk, .version])
        #expect(report.verdict == "All is well.")
    }

    @Test("names a cause before its effects, whichever check fails", arguments: DiagnosisCheck.allCases)
    func causes(failing: DiagnosisCheck) {
        let (report, _) = run([failing: .fail("broken", fix: "mend it")])
        #expect(report.failures == [failing])
        #expect(report.rows.count == DiagnosisCheck.allCases.count)
        for row in report.rows where row.finding.status == .skipped {
            #expect(row.finding.note == "rests on \(failing.rawValue)")
        }
        // What does not rest on it is still looked at.
        let others: [DiagnosisCheck] = [.configuration, .keyFiles, .disk, .version].filter { $0 != failing }
        for row in report.rows where others.contains(row.check) { #expect(row.finding.status == .ok) }
    }

    @Test("does not go on to TLS with a wrong clock, nor to the tenant without a proxy")
    func chains() {
        let clock = run([.clock: .fail("8 h ahead", fix: "set it")]).report
        let skipped = clock.rows.filter { $0.finding.status == .skipped }.map(\.check)
        #expect(skipped == [.tls, .tenantAPI, .authorization, .queueCredential, .roundTrip])
        let proxy = run([.proxy: .fail("wants a password", fix: "give it")]).report
        #expect(proxy.rows.first { $0.check == .clock }?.finding.note == "rests on proxy")
        #expect(proxy.rows.first { $0.check == .identity }?.finding.status == .ok)
    }

    @Test("a warning and a check that was left out by itself stop nothing")
    func warnings() {
        let (report, _) = run([
            .clock: .warn("40 s ahead", fix: "set it"), .proxy: .skipped("there is none"),
            .tls: .warn("another issuer", fix: "look"),
        ])
        #expect(report.isHealthy)
        #expect(report.rows.first { $0.check == .roundTrip }?.finding.status == .ok)
        #expect(report.verdict == "All is well, 2 to look at.")
    }

    @Test("what is not there is left out with its reason, and so is what rests on it")
    func absent() {
        let (report, _) = run(absent: [.identity: "not registered yet"])
        #expect(report.isHealthy)
        for check in [DiagnosisCheck.identity, .authorization, .queueCredential, .roundTrip] {
            #expect(report.rows.first { $0.check == check }?.finding == .skipped("not registered yet"))
        }
        #expect(report.rows.first { $0.check == .tenantAPI }?.finding.status == .ok)
    }

    @Test("two failures are counted, the first is named")
    func several() {
        let (report, _) = run([.keyFiles: .fail("open", fix: "chmod"), .targets: .fail("refused", fix: "start it")])
        #expect(report.failures == [.keyFiles, .targets])
        #expect(report.verdict == "2 failed: begin with key-files.")
        #expect(report.lines.contains { $0.hasPrefix("FAIL     key-files ") && $0.hasSuffix("open") })
        #expect(report.lines.contains { $0.hasSuffix("→ chmod") })
    }
}
