internal import CPKCS11
internal import Dispatch
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A PKCS#11 module, loaded once in a process, with one queue on which all calls to it are made.
// What changes is touched on its queue alone.
final class CryptokiModule: @unchecked Sendable {
    private static let loaded = Mutex<[String: CryptokiModule]>([:])

    let path: String
    private let queue: DispatchQueue
    private var list: UnsafePointer<CK_FUNCTION_LIST>?
    /// Counts how often the module began, so that sessions know when theirs are gone.
    private(set) var beginnings = 0
    private var sessions: [String: TokenSession] = [:]

    private init(path: String) {
        self.path = path
        queue = DispatchQueue(label: "token " + path)
    }

    /// The module of a file, which need not be there.
    static func at(_ path: String) -> CryptokiModule {
        loaded.withLock { loaded in
            if let known = loaded[path] { return known }
            let module = CryptokiModule(path: path)
            loaded[path] = module
            return module
        }
    }

    /// Does something with a token, away from the threads that must not wait.
    func run<Value: Sendable>(
        _ uri: TokenURI, _ pin: TokenPIN, limit: Duration,
        _ body: @escaping @Sendable (TokenSession) throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            begin(uri, pin, limit, body) { continuation.resume(with: $0) }
        }
    }

    /// Does something with a token, and blocks the thread meanwhile.
    func runBlocking<Value: Sendable>(
        _ uri: TokenURI, _ pin: TokenPIN, limit: Duration,
        _ body: @escaping @Sendable (TokenSession) throws -> Value
    ) throws -> Value {
        let answer = Mutex<Result<Value, any Error>?>(nil)
        let isThere = DispatchSemaphore(value: 0)
        begin(uri, pin, limit, body) { result in
            answer.withLock { $0 = result }
            isThere.signal()
        }
        isThere.wait()
        guard let result = answer.withLock({ $0 }) else { preconditionFailure("signalled after it was set") }
        return try result.get()
    }

    /// Begins something, whose end or whose failure to end in time is told once.
    private func begin<Value: Sendable>(
        _ uri: TokenURI, _ pin: TokenPIN, _ limit: Duration, _ body: @escaping @Sendable (TokenSession) throws -> Value,
        then tell: @escaping @Sendable (Result<Value, any Error>) -> Void
    ) {
        let isTold = Flag()
        queue.async {
            // Nobody waits any more: a token that hung for a while has not to work off what nobody wants.
            guard !isTold.isSet else { return }
            let result = Result { try body(self.session(uri, pin)) }
            if isTold.set() { tell(result) }
        }
        DispatchQueue.global().asyncAfter(deadline: .now() + limit / .seconds(1)) {
            guard isTold.set() else { return }
            tell(
                .failure(
                    TokenKeyError(
                        .silent, "the token \(uri.name) did not answer within \(limit)",
                        remedy: "Look whether it is plugged in or reachable; the module is \(self.path).")))
        }
    }

    /// Whether something happened already.
    private final class Flag: Sendable {
        private let value = Atomic(false)
        var isSet: Bool { value.load(ordering: .acquiring) }
        /// Returns whether this was the first time.
        func set() -> Bool { value.exchange(true, ordering: .acquiringAndReleasing) == false }
    }

    // MARK: On the queue

    private func session(_ uri: TokenURI, _ pin: TokenPIN) -> TokenSession {
        // Keys of one token share their session and login, wherever the PIN comes from.
        let name = "\(uri.slot.map(String.init) ?? "") \(uri.token.sorted { $0.key < $1.key })"
        if let known = sessions[name] {
            known.pin = pin
            return known
        }
        let session = TokenSession(module: self, uri: uri, pin: pin)
        sessions[name] = session
        return session
    }

    /// The functions of the module, which is loaded and begun if need be.
    func functions() throws(TokenKeyError) -> CK_FUNCTION_LIST {
        if let list { return list.pointee }
        // RTLD_LOCAL: a module's other symbols are nobody's business.
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            let reason = dlerror().map { String(cString: $0) } ?? "it cannot be loaded"
            throw missing(access(path, F_OK) == 0 ? reason : "there is no file \(path)")
        }
        guard let symbol = dlsym(handle, "C_GetFunctionList") else {
            dlclose(handle)
            throw missing("\(path) is no PKCS#11 module (it has no C_GetFunctionList)")
        }
        var found: UnsafeMutablePointer<CK_FUNCTION_LIST>?
        let value = unsafeBitCast(symbol, to: CK_C_GetFunctionList.self)(&found)
        guard value == CKR_OK, let found, found.pointee.version.major >= 2 else {
            throw missing("\(path) does not give out its functions")
        }
        try initialize(found.pointee)
        list = UnsafePointer(found)
        return found.pointee
    }

    /// Ends the module and begins it anew: many see a token that came back only then.
    func beginAnew() throws(TokenKeyError) {
        guard let list else {
            _ = try functions()
            return
        }
        _ = list.pointee.C_Finalize?(nil)
        try initialize(list.pointee)
    }

    private func initialize(_ functions: CK_FUNCTION_LIST) throws(TokenKeyError) {
        var arguments = CK_C_INITIALIZE_ARGS()
        arguments.flags = CKF_OS_LOCKING_OK
        let value = functions.C_Initialize?(&arguments) ?? CKR_FUNCTION_FAILED
        guard value == CKR_OK || value == CKR_CRYPTOKI_ALREADY_INITIALIZED else {
            throw missing("it does not begin its work (C_Initialize: 0x\(String(value, radix: 16)))")
        }
        beginnings += 1
    }

    private func missing(_ reason: String) -> TokenKeyError {
        TokenKeyError(
            .moduleMissing, "the PKCS#11 module \(path) cannot be used: \(reason)",
            remedy: "Install the token's software, name its module by module-path= in the URI of the key "
                + "(POSTERN_KEY), and look at its own configuration.")
    }
}
