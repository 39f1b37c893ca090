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
    /// For how many days after its certificate's end a connector may still renew; 30 unless the file says otherwise.
    public var recoveryDays = 30

    /// The same as a time.
    var recovery: TimeInterval { TimeInterval(recoveryDays) * 86400 }

    enum CodingKeys: String, CodingKey {
        case hosts
        case trustDomain = "trust_domain"
        case publicURL = "public_url"
        case dispatcherID = "dispatcher_id"
        case recoveryDays = "recovery_days"
    }
}

extension InstallationSettings {
    /// Reads the file; one that was written before a setting came does not have it.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            trustDomain: try container.decode(String.self, forKey: .trustDomain),
            publicURL: try container.decode(String.self, forKey: .publicURL),
            hosts: try container.decode([String].self, forKey: .hosts),
            dispatcherID: try container.decode(String.self, forKey: .dispatcherID),
            recoveryDays: try container.decodeIfPresent(Int.self, forKey: .recoveryDays) ?? 30)
        guard (0...365).contains(recoveryDays) else {
            throw DecodingError.dataCorruptedError(
                forKey: .recoveryDays, in: container, debugDescription: "recovery_days needs 0 to 365")
        }
    }
}
