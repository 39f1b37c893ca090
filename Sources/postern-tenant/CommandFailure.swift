internal import ArgumentParser
internal import AuditLog
internal import AuditStore
internal import CertificateAuthority
internal import EnrollmentService
internal import Foundation
internal import IdentityStore
internal import MetricsExport
internal import RelayDelivery
internal import SQLiteBroker

/// The end of a command that did not do what it was asked: a code for scripts and a text for people.
struct CommandFailure: Error {
    /// The exit codes, documented in `postern-tenant --help`.
    enum Code: Int32 {
        case unexpected = 1
        case usage = 2
        case notInitialized = 3
        case alreadyThere = 4
        case rewritten = 5
        case incomplete = 6
        case unreachable = 7
    }

    /// The exit code.
    let code: Code
    /// What happened and what to do.
    let text: String

    /// Makes a failure.
    init(_ code: Code, _ text: String) {
        self.code = code
        self.text = text
    }
}

extension AsyncParsableCommand {
    /// Runs a command and turns what it throws into a text for people and an exit code for scripts.
    func report(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let failure as CommandFailure {
            try Self.end(failure.code, failure.text)
        } catch let error as EnrollmentServiceError {
            let code: CommandFailure.Code =
                switch error.code {
                case .notInitialized: .notInitialized
                case .alreadyInitialized, .alreadyExists: .alreadyThere
                case .invalidArgument, .unsafeFile, .notFound: .usage
                default: .unexpected
                }
            try Self.end(code, error.message)
        } catch let error as IdentityStoreError {
            try Self.end(.usage, "\(error.message). \(error.remedy)")
        } catch let error as CertificateAuthorityError {
            try Self.end(.usage, error.message)
        } catch let finding as AuditVerifier.Finding {
            try Self.end(.rewritten, "the audit log is not what it was: \(finding)")
        } catch let error as MetricsExportError {
            try Self.end(.usage, error.message)
        } catch let error as AuditStoreError {
            try Self.end(.unexpected, error.message)
        } catch let error as SQLiteBrokerError {
            try Self.end(.unexpected, "the queue cannot be opened: \(error)")
        } catch let error as LedgerError {
            try Self.end(.unexpected, "the ledger cannot be opened: \(error)")
        }
    }

    private static func end(_ code: CommandFailure.Code, _ text: String) throws {
        FileHandle.standardError.write(Data("error: \(text)\n".utf8))
        throw ExitCode(code.rawValue)
    }
}
