internal import Foundation
internal import NIOHTTP1

/// An HTTP proxy that makes tunnels by CONNECT (RFC 9110 section 9.3.6).
public struct ForwardingProxy: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
    /// The proxy's name or address.
    public var host: String
    /// The proxy's port.
    public var port: Int
    /// The user name; nil where the proxy asks for none.
    public var user: String?
    private let password: String?

    /// Names a proxy.
    public init(host: String, port: Int, user: String? = nil, password: String? = nil) {
        self.host = host
        self.port = port
        self.user = user
        self.password = password
    }

    public var description: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }
    public var customMirror: Mirror { Mirror(self, children: [:]) }

    /// The fields of the CONNECT request, with Basic authentication (RFC 7617) where there is a user.
    func headers(target: String) -> HTTPHeaders {
        var headers: HTTPHeaders = ["Host": target]
        if let user {
            let credentials = Data("\(user):\(password ?? "")".utf8).base64EncodedString()
            headers.add(name: "Proxy-Authorization", value: "Basic \(credentials)")
        }
        return headers
    }
}
