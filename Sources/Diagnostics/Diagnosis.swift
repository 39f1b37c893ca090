/// Decides which checks can run, and what is not worth a look since what it rests on has failed.
///
/// The owner runs whatever `ready()` names, as many at a time as it likes, and reports each end by `conclude`.
public struct Diagnosis: Sendable {
    private var rows: [DiagnosisCheck: DiagnosisRow] = [:]
    private var started: Set<DiagnosisCheck> = []
    /// The check whose failure is the reason why another one was not run.
    private var causes: [DiagnosisCheck: DiagnosisCheck] = [:]
    private var absent: [DiagnosisCheck: String]

    /// Begins a diagnosis.
    ///
    /// - Parameter absent: checks with nothing to look at, and why; what needs them is not run either.
    public init(absent: [DiagnosisCheck: String] = [:]) {
        self.absent = absent
        skipWhatCannotRun()
    }

    /// The checks that can run now; each is named once.
    public mutating func ready() -> [DiagnosisCheck] {
        let ready = DiagnosisCheck.allCases.filter { check in
            rows[check] == nil && !started.contains(check)
                && (check.needs + check.follows).allSatisfy { rows[$0] != nil }
        }
        started.formUnion(ready)
        return ready
    }

    /// Takes the end of a check that was run.
    public mutating func conclude(_ check: DiagnosisCheck, _ finding: DiagnosisFinding, milliseconds: Double? = nil) {
        guard rows[check] == nil else { return }
        rows[check] = DiagnosisRow(check: check, finding: finding, milliseconds: milliseconds)
        skipWhatCannotRun()
    }

    /// Whether every check has ended.
    public var isComplete: Bool { rows.count == DiagnosisCheck.allCases.count }

    /// What is known so far, in the order of the checks.
    public var report: DiagnosisReport { DiagnosisReport(rows: DiagnosisCheck.allCases.compactMap { rows[$0] }) }

    private mutating func skipWhatCannotRun() {
        var isChanging = true
        while isChanging {
            isChanging = false
            for check in DiagnosisCheck.allCases where rows[check] == nil && !started.contains(check) {
                guard let reason = reasonToSkip(check) else { continue }
                rows[check] = DiagnosisRow(check: check, finding: .skipped(reason), milliseconds: nil)
                isChanging = true
            }
        }
    }

    private mutating func reasonToSkip(_ check: DiagnosisCheck) -> String? {
        if let reason = absent[check] { return reason }
        for need in check.needs {
            if rows[need]?.finding.status == .fail {
                causes[check] = need
                return "rests on \(need.rawValue)"
            }
            if let cause = causes[need] {
                causes[check] = cause
                return "rests on \(cause.rawValue)"
            }
            if let reason = absent[need] {
                absent[check] = reason
                return reason
            }
        }
        return nil
    }
}
