internal import RelayFormat
internal import Yams

/// A YAML mapping that knows where it stands and which of its keys were read, so that a misspelt key is found.
struct KeyedNode {
    private let mapping: Node.Mapping
    private let place: String
    private var read: Set<String> = []

    init(_ node: Node, at place: String) throws(ConfigurationError) {
        guard case .mapping(let mapping) = node else {
            throw ConfigurationError(place, "a mapping of keys to values is expected here")
        }
        guard mapping.keys.allSatisfy({ $0.string != nil }) else {
            throw ConfigurationError(place, "every key is plain text")
        }
        self.mapping = mapping
        self.place = place
    }

    var keys: [String] { mapping.keys.compactMap(\.string) }

    func path(_ key: String) -> String { place.isEmpty ? key : "\(place).\(key)" }

    func child(_ key: String) throws(ConfigurationError) -> KeyedNode {
        guard let node = mapping[key] else { throw ConfigurationError(path(key), "this key is missing") }
        return try KeyedNode(node, at: path(key))
    }

    mutating func map(_ key: String) throws(ConfigurationError) -> KeyedNode? {
        guard let node = take(key) else { return nil }
        return try KeyedNode(node, at: path(key))
    }

    mutating func list(_ key: String) throws(ConfigurationError) -> [KeyedNode]? {
        guard let node = take(key) else { return nil }
        guard let sequence = node.sequence else { throw ConfigurationError(path(key), "a list is expected here") }
        var nodes: [KeyedNode] = []
        for (index, element) in sequence.enumerated() {
            nodes.append(try KeyedNode(element, at: "\(path(key))[\(index)]"))
        }
        return nodes
    }

    mutating func string(_ key: String) throws(ConfigurationError) -> String? {
        guard let node = take(key) else { return nil }
        guard let text = node.string else { throw ConfigurationError(path(key), "text is expected here") }
        return text
    }

    mutating func strings(_ key: String) throws(ConfigurationError) -> [String]? {
        guard let node = take(key) else { return nil }
        let texts = node.sequence?.compactMap(\.string)
        guard let texts, texts.count == node.sequence?.count else {
            throw ConfigurationError(path(key), "a list of texts is expected here")
        }
        return texts
    }

    mutating func integer(_ key: String, in range: ClosedRange<Int>) throws(ConfigurationError) -> Int? {
        guard let node = take(key) else { return nil }
        guard let value = node.int, range.contains(value) else {
            throw ConfigurationError(
                path(key), "a whole number from \(range.lowerBound) to \(range.upperBound) is expected here")
        }
        return value
    }

    mutating func duration(_ key: String) throws(ConfigurationError) -> Duration? {
        guard let text = try string(key) else { return nil }
        guard let value = Duration(text: text), value > .zero else {
            throw ConfigurationError(path(key), "a time is expected here, as in 500ms, 10s, 2m or 1h")
        }
        return value
    }

    mutating func boolean(_ key: String) throws(ConfigurationError) -> Bool? {
        guard let node = take(key) else { return nil }
        guard let value = node.bool else { throw ConfigurationError(path(key), "true or false is expected here") }
        return value
    }

    /// Checks that every key was read.
    func end() throws(ConfigurationError) {
        guard let unknown = keys.first(where: { !read.contains($0) }) else { return }
        throw ConfigurationError(
            path(unknown), "this key is not known; known here are: \(read.sorted().joined(separator: ", "))")
    }

    private mutating func take(_ key: String) -> Node? {
        read.insert(key)
        return mapping[key]
    }
}
