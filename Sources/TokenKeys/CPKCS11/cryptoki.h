// What Postern needs of PKCS#11 (OASIS "PKCS #11 Cryptographic Token Interface Base Specification", 2.40 and 3.x): types
// in the layout of Unix, that is without packing, the constants in use, and the list of functions as far as the last one
// in use. Written from the specification; the names are its own.

#ifndef POSTERN_CRYPTOKI_H
#define POSTERN_CRYPTOKI_H

typedef unsigned char CK_BYTE;
typedef CK_BYTE CK_BBOOL;
typedef unsigned long CK_ULONG;
typedef CK_ULONG CK_RV;
typedef CK_ULONG CK_FLAGS;
typedef CK_ULONG CK_SLOT_ID;
typedef CK_ULONG CK_SESSION_HANDLE;
typedef CK_ULONG CK_OBJECT_HANDLE;
typedef CK_ULONG CK_ATTRIBUTE_TYPE;
typedef CK_ULONG CK_MECHANISM_TYPE;
typedef CK_ULONG CK_USER_TYPE;

typedef struct CK_VERSION {
    CK_BYTE major;
    CK_BYTE minor;
} CK_VERSION;

// Texts in it are filled up with blanks and have no zero at the end.
typedef struct CK_TOKEN_INFO {
    CK_BYTE label[32];
    CK_BYTE manufacturerID[32];
    CK_BYTE model[16];
    CK_BYTE serialNumber[16];
    CK_FLAGS flags;
    CK_ULONG ulMaxSessionCount;
    CK_ULONG ulSessionCount;
    CK_ULONG ulMaxRwSessionCount;
    CK_ULONG ulRwSessionCount;
    CK_ULONG ulMaxPinLen;
    CK_ULONG ulMinPinLen;
    CK_ULONG ulTotalPublicMemory;
    CK_ULONG ulFreePublicMemory;
    CK_ULONG ulTotalPrivateMemory;
    CK_ULONG ulFreePrivateMemory;
    CK_VERSION hardwareVersion;
    CK_VERSION firmwareVersion;
    CK_BYTE utcTime[16];
} CK_TOKEN_INFO;

typedef struct CK_ATTRIBUTE {
    CK_ATTRIBUTE_TYPE type;
    void *pValue;
    CK_ULONG ulValueLen;
} CK_ATTRIBUTE;

typedef struct CK_MECHANISM {
    CK_MECHANISM_TYPE mechanism;
    void *pParameter;
    CK_ULONG ulParameterLen;
} CK_MECHANISM;

typedef struct CK_C_INITIALIZE_ARGS {
    void *CreateMutex;
    void *DestroyMutex;
    void *LockMutex;
    void *UnlockMutex;
    CK_FLAGS flags;
    void *pReserved;
} CK_C_INITIALIZE_ARGS;

// A function that is in the list and not in use.
typedef void (*CK_UNUSED)(void);

typedef struct CK_FUNCTION_LIST {
    CK_VERSION version;
    CK_RV (*C_Initialize)(void *pInitArgs);
    CK_RV (*C_Finalize)(void *pReserved);
    CK_UNUSED C_GetInfo;
    CK_UNUSED C_GetFunctionList;
    CK_RV (*C_GetSlotList)(CK_BBOOL tokenPresent, CK_SLOT_ID *pSlotList, CK_ULONG *pulCount);
    CK_UNUSED C_GetSlotInfo;
    CK_RV (*C_GetTokenInfo)(CK_SLOT_ID slotID, CK_TOKEN_INFO *pInfo);
    CK_UNUSED C_GetMechanismList;
    CK_UNUSED C_GetMechanismInfo;
    CK_UNUSED C_InitToken;
    CK_UNUSED C_InitPIN;
    CK_UNUSED C_SetPIN;
    CK_RV (*C_OpenSession)(
        CK_SLOT_ID slotID, CK_FLAGS flags, void *pApplication, void *Notify, CK_SESSION_HANDLE *phSession);
    CK_RV (*C_CloseSession)(CK_SESSION_HANDLE hSession);
    CK_UNUSED C_CloseAllSessions;
    CK_UNUSED C_GetSessionInfo;
    CK_UNUSED C_GetOperationState;
    CK_UNUSED C_SetOperationState;
    CK_RV (*C_Login)(CK_SESSION_HANDLE hSession, CK_USER_TYPE userType, CK_BYTE *pPin, CK_ULONG ulPinLen);
    CK_UNUSED C_Logout;
    CK_UNUSED C_CreateObject;
    CK_UNUSED C_CopyObject;
    CK_RV (*C_DestroyObject)(CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hObject);
    CK_UNUSED C_GetObjectSize;
    CK_RV (*C_GetAttributeValue)(
        CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hObject, CK_ATTRIBUTE *pTemplate, CK_ULONG ulCount);
    CK_UNUSED C_SetAttributeValue;
    CK_RV (*C_FindObjectsInit)(CK_SESSION_HANDLE hSession, CK_ATTRIBUTE *pTemplate, CK_ULONG ulCount);
    CK_RV (*C_FindObjects)(
        CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE *phObject, CK_ULONG ulMaxObjectCount, CK_ULONG *pulObjectCount);
    CK_RV (*C_FindObjectsFinal)(CK_SESSION_HANDLE hSession);
    CK_UNUSED C_EncryptInit;
    CK_UNUSED C_Encrypt;
    CK_UNUSED C_EncryptUpdate;
    CK_UNUSED C_EncryptFinal;
    CK_UNUSED C_DecryptInit;
    CK_UNUSED C_Decrypt;
    CK_UNUSED C_DecryptUpdate;
    CK_UNUSED C_DecryptFinal;
    CK_UNUSED C_DigestInit;
    CK_UNUSED C_Digest;
    CK_UNUSED C_DigestUpdate;
    CK_UNUSED C_DigestKey;
    CK_UNUSED C_DigestFinal;
    CK_RV (*C_SignInit)(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey);
    CK_RV (*C_Sign)(
        CK_SESSION_HANDLE hSession, CK_BYTE *pData, CK_ULONG ulDataLen, CK_BYTE *pSignature,
        CK_ULONG *pulSignatureLen);
    CK_UNUSED C_SignUpdate;
    CK_UNUSED C_SignFinal;
    CK_UNUSED C_SignRecoverInit;
    CK_UNUSED C_SignRecover;
    CK_UNUSED C_VerifyInit;
    CK_UNUSED C_Verify;
    CK_UNUSED C_VerifyUpdate;
    CK_UNUSED C_VerifyFinal;
    CK_UNUSED C_VerifyRecoverInit;
    CK_UNUSED C_VerifyRecover;
    CK_UNUSED C_DigestEncryptUpdate;
    CK_UNUSED C_DecryptDigestUpdate;
    CK_UNUSED C_SignEncryptUpdate;
    CK_UNUSED C_DecryptVerifyUpdate;
    CK_UNUSED C_GenerateKey;
    CK_RV (*C_GenerateKeyPair)(
        CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_ATTRIBUTE *pPublicKeyTemplate,
        CK_ULONG ulPublicKeyAttributeCount, CK_ATTRIBUTE *pPrivateKeyTemplate, CK_ULONG ulPrivateKeyAttributeCount,
        CK_OBJECT_HANDLE *phPublicKey, CK_OBJECT_HANDLE *phPrivateKey);
    // More follow in a module's own list.
} CK_FUNCTION_LIST;

// The one function that every module exports, `C_GetFunctionList`.
typedef CK_RV (*CK_C_GetFunctionList)(CK_FUNCTION_LIST **ppFunctionList);

static const CK_FLAGS CKF_OS_LOCKING_OK = 0x00000002UL;

static const CK_FLAGS CKF_RW_SESSION = 0x00000002UL;
static const CK_FLAGS CKF_SERIAL_SESSION = 0x00000004UL;

static const CK_FLAGS CKF_LOGIN_REQUIRED = 0x00000004UL;
static const CK_FLAGS CKF_USER_PIN_COUNT_LOW = 0x00010000UL;
static const CK_FLAGS CKF_USER_PIN_FINAL_TRY = 0x00020000UL;
static const CK_FLAGS CKF_USER_PIN_LOCKED = 0x00040000UL;

static const CK_USER_TYPE CKU_USER = 1;

static const CK_ULONG CKO_PUBLIC_KEY = 2;
static const CK_ULONG CKO_PRIVATE_KEY = 3;
static const CK_ULONG CKK_EC = 3;

static const CK_ATTRIBUTE_TYPE CKA_CLASS = 0x000;
static const CK_ATTRIBUTE_TYPE CKA_TOKEN = 0x001;
static const CK_ATTRIBUTE_TYPE CKA_PRIVATE = 0x002;
static const CK_ATTRIBUTE_TYPE CKA_LABEL = 0x003;
static const CK_ATTRIBUTE_TYPE CKA_KEY_TYPE = 0x100;
static const CK_ATTRIBUTE_TYPE CKA_ID = 0x102;
static const CK_ATTRIBUTE_TYPE CKA_SENSITIVE = 0x103;
static const CK_ATTRIBUTE_TYPE CKA_SIGN = 0x108;
static const CK_ATTRIBUTE_TYPE CKA_VERIFY = 0x10A;
static const CK_ATTRIBUTE_TYPE CKA_EXTRACTABLE = 0x162;
static const CK_ATTRIBUTE_TYPE CKA_EC_PARAMS = 0x180;
static const CK_ATTRIBUTE_TYPE CKA_EC_POINT = 0x181;

static const CK_MECHANISM_TYPE CKM_EC_KEY_PAIR_GEN = 0x1040;
static const CK_MECHANISM_TYPE CKM_ECDSA = 0x1041;

static const CK_RV CKR_OK = 0x000;
static const CK_RV CKR_SLOT_ID_INVALID = 0x003;
static const CK_RV CKR_GENERAL_ERROR = 0x005;
static const CK_RV CKR_FUNCTION_FAILED = 0x006;
static const CK_RV CKR_DEVICE_ERROR = 0x030;
static const CK_RV CKR_DEVICE_MEMORY = 0x031;
static const CK_RV CKR_DEVICE_REMOVED = 0x032;
static const CK_RV CKR_KEY_HANDLE_INVALID = 0x060;
static const CK_RV CKR_MECHANISM_INVALID = 0x070;
static const CK_RV CKR_OBJECT_HANDLE_INVALID = 0x082;
static const CK_RV CKR_OPERATION_ACTIVE = 0x090;
static const CK_RV CKR_PIN_INCORRECT = 0x0A0;
static const CK_RV CKR_PIN_INVALID = 0x0A1;
static const CK_RV CKR_PIN_LEN_RANGE = 0x0A2;
static const CK_RV CKR_PIN_EXPIRED = 0x0A3;
static const CK_RV CKR_PIN_LOCKED = 0x0A4;
static const CK_RV CKR_SESSION_CLOSED = 0x0B0;
static const CK_RV CKR_SESSION_HANDLE_INVALID = 0x0B3;
static const CK_RV CKR_TOKEN_NOT_PRESENT = 0x0E0;
static const CK_RV CKR_TOKEN_NOT_RECOGNIZED = 0x0E1;
static const CK_RV CKR_TOKEN_WRITE_PROTECTED = 0x0E2;
static const CK_RV CKR_USER_ALREADY_LOGGED_IN = 0x100;
static const CK_RV CKR_USER_NOT_LOGGED_IN = 0x101;
static const CK_RV CKR_USER_PIN_NOT_INITIALIZED = 0x102;
static const CK_RV CKR_CURVE_NOT_SUPPORTED = 0x140;
static const CK_RV CKR_CRYPTOKI_NOT_INITIALIZED = 0x190;
static const CK_RV CKR_CRYPTOKI_ALREADY_INITIALIZED = 0x191;

#endif
