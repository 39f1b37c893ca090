internal import Foundation
internal import MachineIdentity

extension ProxySettings.Proxy.Credentials {
    /// The value of `Proxy-Authorization` (RFC 7617).
    var basicAuthorization: String { "Basic " + Data("\(user):\(password.reveal())".utf8).base64EncodedString() }
}
