/// What is not in the file keeps its usual value; what is not known is refused by name.
extension LimitSettings: Decodable {
    enum CodingKeys: String, CodingKey, CaseIterable { case source, principal, failures, entries, port }

    /// Reads a file.
    public init(from decoder: any Decoder) throws {
        self.init()
        let container = try decoder.strictContainer(CodingKeys.self)
        if let rates = try container.decodeIfPresent(Rates.self, forKey: .source) {
            guard rates.byClass[.member] == nil else {
                throw DecodingError.dataCorrupted(
                    .init(
                        codingPath: container.codingPath + [CodingKeys.source],
                        debugDescription: "members are limited each by itself: say it under “principal”"))
            }
            source.merge(rates.byClass) { _, new in new }
        }
        if let rates = try container.decodeIfPresent(Rates.self, forKey: .principal) {
            principal.merge(rates.byClass) { _, new in new }
        }
        failures = try container.decodeIfPresent(Failures.self, forKey: .failures) ?? failures
        entries = Int(try container.positive(.entries, least: 16, most: 10_000_000) ?? Double(entries))
        port = try container.decodeIfPresent(Port.self, forKey: .port) ?? port
    }

    private struct Rates: Decodable {
        var byClass: [RouteClass: RequestRate] = [:]

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: AnyKey.self)
            for key in container.allKeys {
                guard let known = RouteClass(rawValue: key.stringValue) else {
                    let names = RouteClass.allCases.map(\.rawValue).joined(separator: ", ")
                    throw DecodingError.dataCorrupted(
                        .init(
                            codingPath: decoder.codingPath,
                            debugDescription: "there is no class “\(key.stringValue)”; classes are \(names)"))
                }
                byClass[known] = try container.decode(RequestRate.self, forKey: key)
            }
        }
    }
}

extension LimitSettings.Failures: Decodable {
    enum CodingKeys: String, CodingKey, CaseIterable {
        case free, alarm
        case firstDelay = "first_delay_seconds"
        case longestDelay = "longest_delay_seconds"
        case forgetAfter = "forget_after_seconds"
    }

    /// Reads the costs.
    public init(from decoder: any Decoder) throws {
        self.init()
        let container = try decoder.strictContainer(CodingKeys.self)
        free = Int(try container.positive(.free, least: 1, most: 1e9) ?? Double(free))
        alarm = Int(try container.positive(.alarm, least: 1, most: 1e9) ?? Double(alarm))
        firstDelay = try container.positive(.firstDelay, most: 86_400) ?? firstDelay
        longestDelay = try container.positive(.longestDelay, most: 86_400) ?? longestDelay
        forgetAfter = try container.positive(.forgetAfter, most: 86_400) ?? forgetAfter
    }
}

extension LimitSettings.Port: Decodable {
    enum CodingKeys: String, CodingKey, CaseIterable {
        case connections
        case firstRequest = "first_request_seconds"
        case body = "body_seconds"
        case idle = "idle_seconds"
        case head = "head_bytes"
    }

    /// Reads the bounds.
    public init(from decoder: any Decoder) throws {
        self.init()
        let container = try decoder.strictContainer(CodingKeys.self)
        firstRequest = try container.positive(.firstRequest, most: 3600) ?? firstRequest
        body = try container.positive(.body, most: 3600) ?? body
        idle = try container.positive(.idle, most: 86_400) ?? idle
        head = Int(try container.positive(.head, least: 4096, most: 1_048_576) ?? Double(head))
        connections = Int(try container.positive(.connections, least: 1, most: 1_000_000) ?? Double(connections))
    }
}

/// Any key of an object.
struct AnyKey: CodingKey {
    let stringValue: String
    let intValue: Int? = nil
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

extension Decoder {
    /// The object, which may have no other fields than those of the keys.
    func strictContainer<Key: CodingKey & CaseIterable>(_ keys: Key.Type) throws -> KeyedDecodingContainer<Key> {
        let known = Set(Key.allCases.map(\.stringValue))
        let all = try container(keyedBy: AnyKey.self).allKeys.map(\.stringValue)
        if let unknown = all.filter({ !known.contains($0) }).min() {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: codingPath,
                    debugDescription: "there is no field “\(unknown)”; fields are "
                        + known.sorted().joined(separator: ", ")))
        }
        return try container(keyedBy: keys)
    }
}

extension KeyedDecodingContainer {
    /// A number within bounds, where there is one.
    func positive(_ key: Key, least: Double = .leastNonzeroMagnitude, most: Double = 1e9) throws -> Double? {
        guard let number = try decodeIfPresent(Double.self, forKey: key) else { return nil }
        guard number >= least, number <= most else {
            throw DecodingError.dataCorruptedError(
                forKey: key, in: self,
                debugDescription: "“\(key.stringValue)” needs a number"
                    + (least >= 1 ? " from \(Int(least))" : " above 0") + " to \(Int(most))")
        }
        return number
    }
}
