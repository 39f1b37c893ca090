internal import AsyncHTTPClient
internal import NIOCore
internal import NIOPosix

/// The HTTP client's errors in words; they hold no secrets, but some hold more than a line should.
enum HTTPClientFailure {
    static func words(of error: any Error) -> String {
        switch error {
        case let error as HTTPClientError where error == .deadlineExceeded || error == .readTimeout:
            "no answer in time"
        case let error as HTTPClientError where error == .connectTimeout: "no connection in time"
        case let error as HTTPClientError where error == .invalidURL || error == .emptyHost || error == .emptyScheme:
            "its address is no URL"
        case is NIOConnectionError, is IOError: "no connection"
        default: String("\(error)".prefix(200))
        }
    }
}
