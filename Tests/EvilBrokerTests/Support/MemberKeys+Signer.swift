import Crypto
import RelayKeys

extension MemberKeys {
    /// The identity key, which tests have in memory.
    var signer: P256.Signing.PrivateKey {
        guard let key = identity as? P256.Signing.PrivateKey else {
            preconditionFailure("the keys of tests are in memory")
        }
        return key
    }
}
