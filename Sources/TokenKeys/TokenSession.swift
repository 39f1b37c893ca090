internal import CPKCS11
internal import Crypto
internal import MachineIdentity

/// The one session with a token, logged in; made anew whenever it, the token or the module's state is lost.
///
/// Used on its module's queue alone.
final class TokenSession {
    private static let mostSlots = 256

    private unowned let module: CryptokiModule
    private let uri: TokenURI
    var pin: TokenPIN
    private var session: CK_SESSION_HANDLE?
    /// Of which beginning of the module the session is.
    private var beginning = 0
    /// The digest of a PIN that the token did not take, which is never tried again.
    private var rejected: SHA256Digest?

    init(module: CryptokiModule, uri: TokenURI, pin: TokenPIN) {
        self.module = module
        self.uri = uri
        self.pin = pin
    }

    /// Does something in a session; once more in a new one, if the session was lost.
    func perform<Value>(
        _ body: (CK_FUNCTION_LIST, CK_SESSION_HANDLE) throws -> Value
    ) throws -> Value {
        let wasOpen = session != nil
        do {
            do {
                return try body(try module.functions(), try open())
            } catch let refusal as CryptokiRefusal where refusal.isLoss {
                drop()
                if !refusal.isOfSession { try module.beginAnew() }
            } catch let error as TokenKeyError where error.code == .keyMissing && wasOpen {
                // Some modules show nothing of a token that was away and is back.
                drop()
                try module.beginAnew()
            }
            return try body(try module.functions(), try open())
        } catch let refusal as CryptokiRefusal {
            if refusal.isLoss { drop() }
            throw refusal.error(at: uri)
        }
    }

    private func open() throws -> CK_SESSION_HANDLE {
        let functions = try module.functions()
        if let session, beginning == module.beginnings { return session }
        session = nil
        let slot = try findSlot()
        var fresh: CK_SESSION_HANDLE = 0
        try CryptokiRefusal.check(
            "C_OpenSession",
            functions.C_OpenSession?(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, nil, nil, &fresh)
                ?? CKR_FUNCTION_FAILED)
        do {
            try login(fresh, slot, functions)
        } catch {
            _ = functions.C_CloseSession?(fresh)
            throw error
        }
        session = fresh
        beginning = module.beginnings
        return fresh
    }

    private func drop() {
        if let session, beginning == module.beginnings, let functions = try? module.functions() {
            _ = functions.C_CloseSession?(session)
        }
        session = nil
    }

    // MARK: The token

    private func findSlot() throws -> CK_SLOT_ID {
        if let slot = try matchingSlot() { return slot }
        try module.beginAnew()
        guard let slot = try matchingSlot() else {
            throw CryptokiRefusal(function: "C_GetSlotList", value: CKR_TOKEN_NOT_PRESENT)
        }
        return slot
    }

    private func matchingSlot() throws -> CK_SLOT_ID? {
        let functions = try module.functions()
        var count: CK_ULONG = 0
        // Asking for the number alone makes the module look again what is plugged in.
        try CryptokiRefusal.check(
            "C_GetSlotList", functions.C_GetSlotList?(1, nil, &count) ?? CKR_FUNCTION_FAILED)
        count = CK_ULONG(Self.mostSlots)
        var slots = [CK_SLOT_ID](repeating: 0, count: Self.mostSlots)
        try CryptokiRefusal.check(
            "C_GetSlotList", functions.C_GetSlotList?(1, &slots, &count) ?? CKR_FUNCTION_FAILED)
        let matching = slots.prefix(Int(count)).filter { slot in
            if let wanted = uri.slot, wanted != slot { return false }
            guard let info = information(slot, functions) else { return false }
            let known = [
                "token": Self.text(info.label), "manufacturer": Self.text(info.manufacturerID),
                "model": Self.text(info.model), "serial": Self.text(info.serialNumber),
            ]
            return uri.token.allSatisfy { known[$0.key] == $0.value }
        }
        guard matching.count < 2 else {
            throw TokenKeyError(
                .tokenMissing, "there are \(matching.count) tokens \(uri.name)",
                remedy: "Add serial=NUMBER to the URI: pkcs11-tool --module \(module.path) --list-token-slots")
        }
        return matching.first
    }

    private func information(_ slot: CK_SLOT_ID, _ functions: CK_FUNCTION_LIST) -> CK_TOKEN_INFO? {
        var info = CK_TOKEN_INFO()
        return functions.C_GetTokenInfo?(slot, &info) == CKR_OK ? info : nil
    }

    /// A text that is filled up with blanks.
    private static func text<Field>(_ field: Field) -> String {
        let bytes = withUnsafeBytes(of: field) { Array($0) }
        let end = bytes.lastIndex { $0 != 0x20 && $0 != 0 }.map { $0 + 1 } ?? 0
        return String(decoding: bytes[..<end], as: UTF8.self)
    }

    // MARK: The login

    private func login(_ session: CK_SESSION_HANDLE, _ slot: CK_SLOT_ID, _ functions: CK_FUNCTION_LIST) throws {
        guard let info = information(slot, functions), info.flags & CKF_LOGIN_REQUIRED != 0 else { return }
        guard info.flags & CKF_USER_PIN_LOCKED == 0 else { throw locked }
        let secret = try pin.read()
        let digest = SHA256.hash(data: Array(secret.reveal().utf8))
        guard rejected != digest else { throw wrongPIN(info.flags) }
        guard info.flags & CKF_USER_PIN_FINAL_TRY == 0 else {
            throw TokenKeyError(
                .pinLastTry, "one more wrong PIN would lock the token \(uri.name), so that none is tried",
                remedy: "Log in once by hand, which resets the count: pkcs11-tool --module \(module.path) --login "
                    + "--list-objects")
        }
        var bytes = Array(secret.reveal().utf8)
        let value = functions.C_Login?(session, CKU_USER, &bytes, CK_ULONG(bytes.count)) ?? CKR_FUNCTION_FAILED
        for index in bytes.indices { bytes[index] = 0 }
        switch value {
        case CKR_OK, CKR_USER_ALREADY_LOGGED_IN: rejected = nil
        case CKR_PIN_INCORRECT, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE:
            rejected = digest
            throw wrongPIN(information(slot, functions)?.flags ?? 0)
        case CKR_PIN_LOCKED: throw locked
        case CKR_PIN_EXPIRED, CKR_USER_PIN_NOT_INITIALIZED:
            throw TokenKeyError(
                .pinLocked, "the token \(uri.name) wants a new user PIN first",
                remedy: "Set one: pkcs11-tool --module \(module.path) --login --change-pin (or --init-pin)")
        default: throw CryptokiRefusal(function: "C_Login", value: value)
        }
    }

    private var locked: TokenKeyError {
        TokenKeyError(
            .pinLocked, "too many wrong PINs have locked the token \(uri.name)",
            remedy: "Its security officer unlocks it: pkcs11-tool --module \(module.path) --login --login-type so "
                + "--init-pin")
    }

    private func wrongPIN(_ flags: CK_FLAGS) -> TokenKeyError {
        let left =
            flags & CKF_USER_PIN_LOCKED != 0
            ? "; it is locked now"
            : flags & CKF_USER_PIN_FINAL_TRY != 0
                ? "; one more wrong PIN locks it" : flags & CKF_USER_PIN_COUNT_LOW != 0 ? "; it counts wrong ones" : ""
        return TokenKeyError(
            .pinWrong, "the token \(uri.name) does not take the PIN\(left)",
            remedy: "Correct the PIN before the next start: this one is not tried again, but each start tries once.")
    }
}
