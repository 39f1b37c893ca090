internal import ArgumentParser
internal import EnrollmentProtocol
internal import EnrollmentService
internal import Foundation
internal import IdentityStore
internal import RelayFormat

/// `postern-tenant keys`.
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "The keys that sign queue credentials, as /.well-known/jwks.json has them.",
        subcommands: [List.self, Rotate.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the keys: next (published, signs later), current, previous (what it signed still counts).")
        @OptionGroup var state: StateOptions

        func run() async throws {
            try await report {
                let keys = try await Installation.open(state.folder).tokenKeys()
                for key in keys {
                    let state = key.state(among: keys, at: .now)
                    let times = [
                        "signs from \(RFC3339.text(of: key.signsFrom))",
                        key.endsAt.map { "counts until \(RFC3339.text(of: $0))" },
                    ].compactMap { $0 }
                    print("\(key.id)\t\(state.rawValue)\t\(times.joined(separator: ", "))")
                }
            }
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes the next key; works while the port serves.",
            discussion: """
                The new key is published at once and signs after --lead, so that whoever verifies has read it by then.
                The present one counts until the last credential that it signed has ended. After a theft take
                --at-once: the new key signs now, and links that came in with the old one's credentials fetch new ones
                when they connect the next time.
                """)
        @OptionGroup var state: StateOptions
        @Option(help: "How long it is published before it signs, as in 10m; at least 6m.") var lead: String?
        @Flag(help: "It signs now, and what other keys signed counts no more.") var atOnce = false

        func validate() throws {
            guard lead == nil || !atOnce else { throw ValidationError("--lead and --at-once exclude one another") }
            guard lead.map({ Duration(text: $0) != nil }) ?? true else {
                throw ValidationError("--lead is a time as in 10m or 600s")
            }
        }

        func run() async throws {
            try await report {
                let seconds = lead.flatMap { Duration(text: $0) }.map { TimeInterval($0.components.seconds) }
                let installation = try await Installation.open(state.folder)
                let key = try await OperatorAct(installation: installation).perform(
                    "keys.rotate", on: "token keys",
                    detail: {
                        [
                            "key": $0.id, "signs_from": RFC3339.text(of: $0.signsFrom),
                            "others_end_now": "\(atOnce)",
                        ]
                    },
                    { try installation.rotateTokenKey(lead: atOnce ? nil : seconds ?? TokenKey.usualLead, now: .now) })
                print(
                    """
                    The key \(key.id) is published and signs from \(RFC3339.text(of: key.signsFrom)) on.
                    Back the state folder up again: the new key is \(installation.folder.path)/token-\(key.id).key
                    """)
            }
        }
    }
}
