/// The header fields of the dispatcher's HTTP API.
public enum RelayHeaders {
    /// How long the caller waits: `5`, `500ms`, `2m`.
    public static let deadline = "Postern-Deadline"
    /// A stricter side-effect class than the method's.
    public static let requestClass = "Postern-Class"
    /// The API key, in place of `Authorization`, which is then relayed to the service.
    public static let apiKey = "Postern-Api-Key"
    /// The request's id, on every answer.
    public static let requestID = "Postern-Request-Id"
    /// The connector that answered.
    public static let connector = "Postern-Connector"
    /// Which dispatch of the request was answered.
    public static let attempt = "Postern-Attempt"
    /// Between dispatchers side by side: how a request was handed on, and why it is not answered here.
    public static let forwarded = "Postern-Forwarded"
}
