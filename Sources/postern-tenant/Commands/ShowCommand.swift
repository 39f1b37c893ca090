internal import ArgumentParser
internal import EnrollmentProtocol
internal import EnrollmentService
internal import Foundation
internal import IdentityStore

/// `postern-tenant show`.
struct ShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Prints what others have to know of the installation; nothing secret.")

    /// What can be asked for alone.
    enum Field: String, ExpressibleByArgument, CaseIterable {
        case caPin = "ca-pin"
        case issuerPin = "issuer-pin"
        case url
        case trustDomain = "trust-domain"
    }

    @OptionGroup var state: StateOptions
    @Option(help: "Print this alone.") var field: Field?

    func run() async throws {
        try await report {
            let installation = try await Installation.open(state.folder)
            func value(_ field: Field) throws -> String {
                switch field {
                case .caPin: "\(try installation.authorityPin)"
                case .issuerPin: "\(try installation.serverIssuerPin)"
                case .url: installation.settings.publicURL
                case .trustDomain: installation.settings.trustDomain
                }
            }
            if let field { return print(try value(field)) }
            for field in Field.allCases {
                print("\(field.rawValue.padding(toLength: 14, withPad: " ", startingAt: 0)) \(try value(field))")
            }
        }
    }
}
