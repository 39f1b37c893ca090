import Foundation
import TestTools

/// A PKCS#11 module of our own, for what SoftHSM2 never does: PINs that are counted, a token that hangs.
///
/// It reads how it shall behave from the folder in `FAKE_TOKEN`: `flags` of the token, the answer to a `login`, for how many
/// seconds it hangs (`hang`). Each login adds a byte to the file `logins`.
struct FakeModule {
    let folder: String
    let path: String

    init(in folder: String) throws {
        self.folder = folder
        path = folder + "/fake.so"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Self.source.write(toFile: folder + "/fake.c", atomically: true, encoding: .utf8)
        let header = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../../Sources/TokenKeys/CPKCS11"
        ).standardizedFileURL.path
        try SoftToken.run("clang", ["-shared", "-fPIC", "-I", header, "-o", path, folder + "/fake.c"], [:])
        setenv("FAKE_TOKEN", folder, 1)
    }

    var place: String { "pkcs11:token=fake?module-path=\(path)" }

    var logins: Int { FileManager.default.contents(atPath: folder + "/logins")?.count ?? 0 }

    func set(_ name: String, _ value: Int) throws {
        try String(value).write(toFile: folder + "/" + name, atomically: true, encoding: .utf8)
    }

    private static let source = """
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <unistd.h>
        #include "cryptoki.h"

        static FILE *file(const char *name, const char *mode) {
            char path[4096];
            snprintf(path, sizeof path, "%s/%s", getenv("FAKE_TOKEN"), name);
            return fopen(path, mode);
        }
        static unsigned long number(const char *name) {
            unsigned long value = 0;
            FILE *stream = file(name, "r");
            if (stream) { if (fscanf(stream, "%lu", &value) != 1) value = 0; fclose(stream); }
            return value;
        }
        static CK_RV initialize(void *arguments) { return CKR_OK; }
        static CK_RV finalize(void *reserved) { return CKR_OK; }
        static CK_RV slots(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *count) {
            if (list) list[0] = 7;
            *count = 1;
            return CKR_OK;
        }
        static CK_RV token(CK_SLOT_ID slot, CK_TOKEN_INFO *info) {
            memset(info, ' ', sizeof *info);
            memcpy(info->label, "fake", 4);
            info->flags = CKF_LOGIN_REQUIRED | number("flags");
            return CKR_OK;
        }
        static CK_RV open_session(CK_SLOT_ID s, CK_FLAGS f, void *a, void *n, CK_SESSION_HANDLE *handle) {
            *handle = 1;
            return CKR_OK;
        }
        static CK_RV close_session(CK_SESSION_HANDLE session) { return CKR_OK; }
        static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_BYTE *pin, CK_ULONG length) {
            FILE *stream = file("logins", "a");
            if (stream) { fputc('x', stream); fclose(stream); }
            return number("login");
        }
        static CK_RV find(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count) {
            sleep((unsigned)number("hang"));
            return number("find");
        }
        static CK_RV found(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *list, CK_ULONG most, CK_ULONG *count) {
            *count = 0;
            return CKR_OK;
        }
        static CK_RV found_all(CK_SESSION_HANDLE session) { return CKR_OK; }

        static CK_FUNCTION_LIST functions = {
            .version = {2, 40}, .C_Initialize = initialize, .C_Finalize = finalize, .C_GetSlotList = slots,
            .C_GetTokenInfo = token, .C_OpenSession = open_session, .C_CloseSession = close_session, .C_Login = login,
            .C_FindObjectsInit = find, .C_FindObjects = found, .C_FindObjectsFinal = found_all,
        };
        CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list) {
            *list = &functions;
            return CKR_OK;
        }
        """
}
