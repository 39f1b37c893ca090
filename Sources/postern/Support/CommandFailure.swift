internal import ArgumentParser
internal import AuditLog
internal import AuditStore
internal import BrokerLink
internal import Connector
internal import EnrollmentClient
internal import EnrollmentProtocol
internal import Foundation
internal import IdentityStore
internal import MachineIdentity
internal import MetricsExport

/// The end of a command that did not do what it was asked: what happened, what to do, and a code that stays.
struct CommandFailure: Error, CustomStringConvertible {
    /// How the program ends.
    let code: PosternExitCode
    /// What happened.
    let message: String
    /// What to do about it.
    let advice: String
    /// The stable name of the failure.
    let reason: String

    init(_ code: PosternExitCode, _ message: String, advice: String, reason: String? = nil) {
        self.code = code
        self.message = message
        self.advice = advice
        self.reason = reason ?? "\(code)"
    }

    /// Puts whatever was thrown into words.
    init(_ error: any Error) {
        switch error {
        case let failure as CommandFailure:
            self = failure
        case let error as EnrollmentClientError:
            self.init(Self.code(for: error), error.message, advice: error.advice, reason: error.reason)
        case let error as IdentityStoreError:
            self.init(
                Self.code(forKeyHolder: error.reason), error.message + ".", advice: error.remedy, reason: error.reason)
        case let error as any HeldKeyFailure:
            self.init(
                Self.code(forKeyHolder: error.reason), error.message + ".", advice: error.remedy, reason: error.reason)
        case let error as MachineIdentityError:
            self.init(.usage, error.message + ".", advice: "", reason: "\(error.code)")
        case let error as EnrollmentProtocolError:
            self.init(.secret, error.message, advice: "Copy it again, whole, or ask for a new one.")
        case let finding as AuditVerifier.Finding:
            self.init(
                .unexpected, "the audit log is not what it was: \(finding)",
                advice: "Keep the folder as it is, and find out who could write to it.", reason: "audit-rewritten")
        case let error as AuditStoreError:
            self.init(
                .unexpected, error.message, advice: "Look at the disk and at the owner of the state folder.",
                reason: "audit-unavailable")
        case let error as MetricsExportError:
            self.init(
                .usage, error.message, advice: "Take another port for metrics.listen, or leave it out.",
                reason: "metrics-unavailable")
        case let error as LinkError:
            self.init(error)
        case let error as ConnectorSessionError where error.code == .replaced:
            self.init(replacedBecause: error.message)
        default:
            self.init(.unexpected, "\(error)", advice: "Please report this.")
        }
    }

    private init(_ error: LinkError) {
        switch error.code {
        case .refused(.revoked), .refused(.denied):
            self.init(
                .rejected, "the tenant has revoked this connector, or no longer lets it in (\(error.message))",
                advice: "Ask the administrator. To come back: postern register --replace, with a new invitation.",
                reason: "revoked")
        case .refused(.replaced):
            self.init(replacedBecause: error.message)
        case .malformed:
            self.init(
                .version, "the tenant's link speaks another language (\(error.message))",
                advice: "Check that both versions fit together.", reason: "version")
        default:
            self.init(.network, error.message, advice: "'postern status' and the log say more.")
        }
    }

    private init(replacedBecause message: String) {
        self.init(
            .identityInUse, "another process with this identity has taken its place (\(message))",
            advice:
                "Look where else this state folder, or a copy of it, is in use. A second connector of the group needs"
                + " an invitation and a registration of its own. Starting this one again would drive the other out.",
            reason: "replaced")
    }

    /// The text for people.
    var description: String {
        let advice = advice.isEmpty ? "" : "\n       \(advice)"
        return "error: \(message)\(advice)\n       code: \(reason) (exit \(code.rawValue))"
    }

    /// The object for programs.
    var json: String {
        struct Object: Encodable {
            let error: String
            let message: String
            let advice: String
            let exitCode: Int32
        }
        let object = Object(error: reason, message: message, advice: advice, exitCode: code.rawValue)
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(object)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    /// A token that is away may come back: a service is started again then, which a wrong PIN must not be.
    private static func code(forKeyHolder reason: String) -> PosternExitCode {
        ["token-missing", "token-refused", "token-silent"].contains(reason) ? .network : .usage
    }

    private static func code(for error: EnrollmentClientError) -> PosternExitCode {
        switch error.code {
        case .invalidURL, .invalidProxy, .invalidAuthorityFile: .usage
        case .keyHolder: code(forKeyHolder: error.reason)
        case .alreadyRegistered: .alreadyRegistered
        case .secretRefused: .secret
        case .rejected, .frozen, .certificateEnded: .rejected
        case .replaced, .superseded: .identityInUse
        case .pendingApproval: .notRegistered
        case .unexpectedAnswer, .refused: .unexpected
        default: .network
        }
    }
}

extension AsyncParsableCommand {
    /// Runs a command and turns what it throws into a text on standard error and an exit code.
    func report(json: Bool = false, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let code as ExitCode {
            throw code
        } catch {
            let failure = CommandFailure(error)
            FileHandle.standardError.write(Data(((json ? failure.json : failure.description) + "\n").utf8))
            throw ExitCode(failure.code.rawValue)
        }
    }
}
