internal import AsyncHTTPClient
internal import Foundation
internal import NIOCore
internal import NIOExtras
internal import NIOPosix
internal import NIOSSL

/// Puts failures of connections into words: what happened on the way to which host, and what to look at.
struct TransportFailure: Sendable {
    let endpoint: TenantEndpoint
    let proxy: ProxySettings.Proxy?

    /// The error of ours that stands for one of the libraries'.
    func error(for error: any Error) -> EnrollmentClientError {
        switch error {
        case let known as EnrollmentClientError:
            return known
        case let connection as NIOConnectionError where connection.connectionErrors.isEmpty:
            return unreachable("the name has no address")
        case let connection as NIOConnectionError:
            return unreachable(Self.words(of: connection.connectionErrors.last?.error ?? connection))
        case let system as IOError:
            return unreachable(Self.words(of: system))
        case is SocketAddressError:
            return unreachable("the name has no address")
        case let failure as NIOSSLError where Self.cutOff.contains(failure):
            return unreachable("the connection ended in the TLS handshake")
        case let failure as NIOSSLError:
            return untrusted(failure)
        case let failure as NIOSSLExtraError:
            return untrusted(failure)
        case is NIOHTTP1ProxyConnectHandler.Error:
            return refusedByProxy("it did not make a tunnel")
        case ChannelError.connectTimeout:
            return timedOut
        case let http as HTTPClientError where Self.timeouts.contains(http):
            return timedOut
        case let http as HTTPClientError where http == .proxyAuthenticationRequired:
            return refusedByProxy("it wants a user and password")
        case let http as HTTPClientError where http == .invalidProxyResponse:
            return refusedByProxy("it did not make a tunnel")
        case is ProbeHandler.TooLarge, is NIOTooManyBytesError:
            return EnrollmentClientError(
                .unexpectedAnswer, "\(endpoint) sent more than an answer of this kind may have.",
                advice: "Look whether the URL is that of a Postern tenant.")
        default:
            return unreachable(Self.words(of: error))
        }
    }

    private static let timeouts: [HTTPClientError] = [
        .connectTimeout, .readTimeout, .writeTimeout, .deadlineExceeded, .tlsHandshakeTimeout,
        .httpProxyHandshakeTimeout,
    ]

    /// What a server that dies in the handshake leaves behind; it says nothing about whom to trust.
    private static let cutOff: [NIOSSLError] = [
        .handshakeFailed(.sslError([.eofDuringHandshake])),
        .handshakeFailed(.sslError([.eofDuringAdditionalCertficiateChainValidation])),
        .handshakeFailed(.syscallError), .handshakeFailed(.zeroReturn), .uncleanShutdown,
    ]

    private var timedOut: EnrollmentClientError {
        EnrollmentClientError(
            .timedOut, "\(place) did not answer in time.",
            advice: "Look whether a firewall drops the connection, and whether a proxy is needed (HTTPS_PROXY).")
    }

    private var place: String { proxy.map { "\(endpoint) (through the proxy \($0))" } ?? "\(endpoint)" }

    private func unreachable(_ reason: String) -> EnrollmentClientError {
        EnrollmentClientError(
            .unreachable, "\(place) cannot be reached: \(reason).",
            advice: "Look at the URL, the name resolution, the firewall, and whether a proxy is needed (HTTPS_PROXY).")
    }

    private func refusedByProxy(_ reason: String) -> EnrollmentClientError {
        EnrollmentClientError(
            .proxyRefused, "The proxy \(proxy.map(String.init(describing:)) ?? "") refused: \(reason).",
            advice: "Allow CONNECT to \(endpoint.authority) there, give user and password in HTTPS_PROXY, or name the "
                + "host in NO_PROXY.")
    }

    private func untrusted(_ error: any Error) -> EnrollmentClientError {
        EnrollmentClientError(
            .untrustedServer, "TLS with \(place) failed: \(Self.words(of: error)).",
            advice:
                "Look whether the server's certificate is for this host name and still valid, and whether something "
                + "on the way intercepts TLS; a private authority is named by --ca-file.")
    }

    private static func words(of error: any Error) -> String {
        let text = String(describing: error)
        if text.contains("CERTIFICATE_VERIFY_FAILED") { return "the server's certificate is not trusted" }
        if let system = error as? IOError { return String(cString: strerror(system.errnoCode)) }
        return String(text.prefix(300))
    }
}
