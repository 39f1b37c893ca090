internal import Connector
internal import Diagnostics
internal import EnrollmentClient
internal import EnrollmentProtocol
internal import Foundation
internal import IdentityStore
internal import MachineIdentity

/// What `postern doctor` looks at: a folder, a configuration, an identity or what it shall be made of, the ways out.
struct DoctorSubject: Sendable {
    /// What a machine that is not registered yet was told of its tenant.
    struct Prospect: Sendable {
        var endpoint: TenantEndpoint
        var serverIssuer: Pin?
        var authority: Pin?
        var authorityFile: String?
    }

    let state: StateOptions
    let configurationFile: String
    let configuration: Result<ConnectorConfiguration, CommandFailure>
    let identity: Result<LoadedIdentity?, IdentityStoreError>
    let network: Result<NetworkSettings, CommandFailure>
    let prospect: Prospect?

    init(state: StateOptions, configurationFile: String, network: NetworkOptions, prospect: Prospect?) {
        self.state = state
        self.configurationFile = configurationFile
        self.prospect = prospect
        configuration = Self.caught { try RunCommand.readConfiguration(configurationFile) }
        let store = state.store
        identity = Result { () throws(IdentityStoreError) in try store.load() }
        self.network = Self.caught { try network.settings() }
    }

    /// The identity, where there is one that can be read.
    var loaded: LoadedIdentity? { (try? identity.get()) ?? nil }

    /// Where the tenant is; nil where nothing says it.
    var endpoint: TenantEndpoint? {
        prospect?.endpoint ?? loaded.flatMap { try? TenantEndpoint($0.record.tenantURL) }
    }

    /// The proxies; none where they cannot be read.
    var proxies: ProxySettings { (try? network.get())?.proxies ?? .none }

    /// Whether there is a configuration file at all.
    var hasConfigurationFile: Bool { FileManager.default.fileExists(atPath: configurationFile) }

    /// The checks that have nothing to look at, and why.
    var absent: [(DiagnosisCheck, String)] {
        var absent: [(DiagnosisCheck, String)] = []
        if prospect != nil {
            absent.append((.identity, "not registered yet"))
            if !hasConfigurationFile {
                absent.append((.configuration, "there is none yet (\(configurationFile))"))
            }
        } else if endpoint == nil {
            let reason: String
            switch identity {
            case .success: reason = "no tenant is known: register, or name one by --url or --invitation-file"
            case .failure(let error) where error.code == .damaged: reason = "no tenant is known: see identity"
            case .failure: reason = "no tenant is known: see key-files"
            }
            absent += [.clock, .dns, .proxy, .tcp, .tls, .tenantAPI].map { ($0, reason) }
        }
        return absent
    }

    private static func caught<Value: Sendable>(_ body: () throws -> Value) -> Result<Value, CommandFailure> {
        do { return .success(try body()) } catch { return .failure(CommandFailure(error)) }
    }
}
