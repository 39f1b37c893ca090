/// Where the first key of an identity is made.
public enum NewKeys: Sendable {
    /// Where the key was that it replaces; in the folder if there was none.
    case asBefore
    /// In the folder.
    case inFolder
    /// At a place that something else holds.
    case at(String)

    var place: String? { if case .at(let place) = self { place } else { nil } }
}
