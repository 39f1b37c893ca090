internal import ArgumentParser
internal import EnrollmentProtocol
internal import Foundation
internal import IdentityStore
internal import MachineIdentity

/// `postern identity history`.
struct IdentityHistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Says when the certificate was renewed, and when that failed; the newest first.",
        discussion: "The last \(RenewalHistory.capacity) are kept. Exit code 3: not registered.")

    @OptionGroup var state: StateOptions
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await report(json: json) {
            let identity = try state.registeredIdentity()
            let entries = Array(try state.store.renewalHistory().entries.reversed())
            if json {
                print(String(decoding: try EnrollmentJSON.encode(entries), as: UTF8.self))
            } else {
                print(Self.text(entries, registeredAt: identity.record.registeredAt))
            }
        }
    }

    private static func text(_ entries: [RenewalHistory.Entry], registeredAt: Date) -> String {
        var lines = entries.map { entry in
            let time = RFC3339.text(of: entry.at)
            guard entry.outcome == .failed else {
                return "\(time)  \(entry.outcome.rawValue)  generation \(entry.generation), until "
                    + "\(RFC3339.text(of: entry.notAfter))\n    key         \(entry.key)\n"
                    + "    certificate \(entry.certificate)"
            }
            let count = entry.attempts.map { ", \($0) times since \(entry.since.map(RFC3339.text) ?? time)" } ?? ""
            return "\(time)  failed\(count)  generation \(entry.generation) stays: \(entry.reason ?? "")"
        }
        lines.append("\(RFC3339.text(of: registeredAt))  registered")
        return lines.joined(separator: "\n")
    }
}
