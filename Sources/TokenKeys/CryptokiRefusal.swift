internal import CPKCS11

/// What a function of a module returned instead of success.
struct CryptokiRefusal: Error {
    let function: String
    let value: CK_RV

    /// Whether the session, the token or the module's own state is gone, so that it is worth a look from the beginning.
    var isLoss: Bool {
        [
            CKR_SLOT_ID_INVALID, CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED, CKR_DEVICE_ERROR, CKR_DEVICE_REMOVED,
            CKR_KEY_HANDLE_INVALID, CKR_OBJECT_HANDLE_INVALID, CKR_OPERATION_ACTIVE, CKR_SESSION_CLOSED,
            CKR_SESSION_HANDLE_INVALID, CKR_TOKEN_NOT_PRESENT, CKR_TOKEN_NOT_RECOGNIZED, CKR_USER_NOT_LOGGED_IN,
            CKR_CRYPTOKI_NOT_INITIALIZED,
        ].contains(value)
    }

    /// Whether only the session is gone, and a new one is all that is needed.
    var isOfSession: Bool {
        [
            CKR_KEY_HANDLE_INVALID, CKR_OBJECT_HANDLE_INVALID, CKR_OPERATION_ACTIVE, CKR_SESSION_CLOSED,
            CKR_SESSION_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN,
        ].contains(value)
    }

    private var isRemoval: Bool {
        [CKR_SLOT_ID_INVALID, CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT, CKR_TOKEN_NOT_RECOGNIZED].contains(value)
    }

    /// The error of ours that stands for it.
    func error(at uri: TokenURI) -> TokenKeyError {
        if isRemoval {
            return TokenKeyError(
                .tokenMissing, "the token \(uri.name) is not there",
                remedy: "Look whether it is plugged in or reachable: pkcs11-tool --module MODULE --list-token-slots")
        }
        let cure =
            switch value {
            case CKR_DEVICE_MEMORY: "It is full: remove what is not needed by pkcs11-tool --delete-object."
            case CKR_TOKEN_WRITE_PROTECTED: "It is write-protected."
            case CKR_MECHANISM_INVALID, CKR_CURVE_NOT_SUPPORTED:
                "It must make keys on P-256 (CKM_EC_KEY_PAIR_GEN) and sign with them (CKM_ECDSA): pkcs11-tool -M"
            default: "Look into the token's own log, and try it by pkcs11-tool --login --test."
            }
        return TokenKeyError(
            .refused, "the token \(uri.name) answered \(function) with 0x\(String(value, radix: 16))", remedy: cure)
    }

    /// Throws what is not a success.
    static func check(_ function: String, _ value: CK_RV) throws(CryptokiRefusal) {
        guard value == CKR_OK else { throw CryptokiRefusal(function: function, value: value) }
    }
}
