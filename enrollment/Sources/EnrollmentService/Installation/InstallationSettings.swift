internal import Foundation

/// What an installation was told at `init`: `installation.json` in its state folder.
public struct InstallationSettings: Codable, Sendable, Equatable {
    /// The name under which its certificates stand.
    public var trustDomain: String
    /// Where connectors and operators reach it, as `https://host[:port]`.
    public var publicURL: String
    /// The host names and addresses of the self-issued TLS certificate; empty for an operator's own.
    public var hosts: [String]
    /// The stable id of its dispatcher, 26 characters of base32.
    public var dispatcherID: String

    enum CodingKeys: String, CodingKey {
        case hosts
        case trustDomain = "trust_domain"
        case publicURL = "public_url"
        case dispatcherID = "dispatcher_id"
    }
}
