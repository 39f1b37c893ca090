/// What a diagnosis looks at, in the order in which it is told: causes stand before their effects.
public enum DiagnosisCheck: String, Sendable, CaseIterable {
    case configuration
    case keyFiles = "key-files"
    case keyStore = "key-store"
    case clock
    case dns
    case proxy
    case tcp
    case tls
    case tenantAPI = "tenant-api"
    case identity
    case authorization
    case queueCredential = "queue-credential"
    case roundTrip = "broker-round-trip"
    case policy
    case targets
    case disk
    case version

    /// What must be well for this check to say anything.
    public var needs: [DiagnosisCheck] {
        switch self {
        case .configuration, .keyFiles, .dns, .disk, .version: []
        case .proxy: [.dns]
        case .tcp: [.proxy]
        // The tenant's time comes with its first answer; whether TLS can be judged depends on it.
        case .clock: [.tcp]
        case .tls: [.clock]
        case .tenantAPI: [.tls]
        case .keyStore: [.keyFiles]
        case .identity: [.keyFiles]
        case .authorization: [.tenantAPI, .identity, .keyStore]
        case .queueCredential: [.authorization]
        case .roundTrip: [.queueCredential]
        case .policy, .targets: [.configuration]
        }
    }

    /// What this check waits for, since it says more with it, however that ends.
    var follows: [DiagnosisCheck] {
        switch self {
        case .identity: [.clock]
        default: []
        }
    }
}
