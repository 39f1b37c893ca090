internal import Foundation
internal import KeyAuthority
public import RelaySealing

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

    /// How many seconds the certificates of connectors live; a day unless the file says otherwise.
    public var certificateLife: Int?

    /// After how many seconds a group gets its next epoch; twelve hours unless the file says otherwise.
    public var epochInterval: Int?
    /// How many seconds an epoch lasts at most; a day, or twice the interval, unless the file says otherwise.
    public var epochLife: Int?
    /// To which kind of key the secrets of epochs are sealed: `x25519`, or `x-wing`, which is post-quantum.
    public var sealing: String?
    /// The ids of the tenants whose Key Authority runs on a machine of its own.
    public var authoritiesElsewhere: [String]?

    /// The Kafka cluster that tenant and connectors share; nil for the embedded broker.
    public var kafka: KafkaSettings?

    /// `recoveryDays` as a time.
    var recovery: TimeInterval { TimeInterval(recoveryDays) * 86400 }

    enum CodingKeys: String, CodingKey {
        case hosts
        case trustDomain = "trust_domain"
        case publicURL = "public_url"
        case dispatcherID = "dispatcher_id"
        case recoveryDays = "recovery_days"
        case certificateLife = "certificate_life_seconds"
        case epochInterval = "epoch_interval_seconds"
        case epochLife = "epoch_life_seconds"
        case sealing, kafka
        case authoritiesElsewhere = "key_authorities_elsewhere"
    }
}

extension InstallationSettings {
    /// How many seconds the certificates of connectors may live: ten minutes to seven days.
    public static let certificateLives = 600...7 * 86400
    /// After how many seconds a group may get its next epoch.
    public static let epochIntervals = 1...3 * 86400
    /// The names of the suites.
    public static let sealings: [String: SealingSuite] = ["x25519": .x25519, "x-wing": .xWing]

    /// How often epochs are cut.
    var epochRules: EpochRules {
        let interval = epochInterval ?? 12 * 3600
        return EpochRules(
            interval: .seconds(interval), life: .seconds(epochLife ?? max(2 * interval, 24 * 3600)))
    }

    /// The suite of the next epochs.
    public var sealingSuite: SealingSuite { sealing.flatMap { Self.sealings[$0] } ?? .x25519 }

    /// Reads the file; one that was written before a setting came does not have it.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            trustDomain: try container.decode(String.self, forKey: .trustDomain),
            publicURL: try container.decode(String.self, forKey: .publicURL),
            hosts: try container.decode([String].self, forKey: .hosts),
            dispatcherID: try container.decode(String.self, forKey: .dispatcherID),
            recoveryDays: try container.decodeIfPresent(Int.self, forKey: .recoveryDays) ?? 30,
            certificateLife: try container.decodeIfPresent(Int.self, forKey: .certificateLife),
            epochInterval: try container.decodeIfPresent(Int.self, forKey: .epochInterval),
            epochLife: try container.decodeIfPresent(Int.self, forKey: .epochLife),
            sealing: try container.decodeIfPresent(String.self, forKey: .sealing),
            authoritiesElsewhere: try container.decodeIfPresent([String].self, forKey: .authoritiesElsewhere),
            kafka: try container.decodeIfPresent(KafkaSettings.self, forKey: .kafka))
        if let flaw = kafka?.flaw {
            throw DecodingError.dataCorruptedError(forKey: .kafka, in: container, debugDescription: flaw)
        }
        guard (0...365).contains(recoveryDays) else {
            throw DecodingError.dataCorruptedError(
                forKey: .recoveryDays, in: container, debugDescription: "recovery_days needs 0 to 365")
        }
        guard certificateLife.map(Self.certificateLives.contains) ?? true else {
            throw DecodingError.dataCorruptedError(
                forKey: .certificateLife, in: container,
                debugDescription: "certificate_life_seconds needs 600 (10 minutes) to 604800 (7 days)")
        }
        guard epochInterval.map(Self.epochIntervals.contains) ?? true else {
            throw DecodingError.dataCorruptedError(
                forKey: .epochInterval, in: container,
                debugDescription: "epoch_interval_seconds needs 1 to 259200 (3 days)")
        }
        // Without the room for a second try, an outage of the Key Authority would stop all work at once.
        guard epochLife.map({ $0 >= 2 * (epochInterval ?? 12 * 3600) && $0 <= 7 * 86400 }) ?? true else {
            throw DecodingError.dataCorruptedError(
                forKey: .epochLife, in: container,
                debugDescription: "epoch_life_seconds needs at least twice epoch_interval_seconds, and 604800 at most")
        }
        guard sealing.map({ Self.sealings[$0] != nil }) ?? true else {
            throw DecodingError.dataCorruptedError(
                forKey: .sealing, in: container, debugDescription: "sealing is x25519 or x-wing")
        }
    }
}
