internal import Foundation

extension ProxySettings.Proxy.Credentials {
    /// The value of `Proxy-Authorization` (RFC 7617).
    var basicAuthorization: String { "Basic " + Data("\(user):\(password)".utf8).base64EncodedString() }
}
