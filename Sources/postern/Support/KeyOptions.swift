internal import ArgumentParser
internal import Foundation
internal import TokenKeys

/// Where the identity's key is made.
struct KeyOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Make the key in an HSM or TPM, by a pkcs11: URI of RFC 7512, instead of in the state folder.",
            discussion: """
                As 'pkcs11:token=LABEL;object=NAME?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/path'. \
                Also by POSTERN_KEY. The PIN comes from the file, or systemd's credential postern-pin, or \
                POSTERN_KEY_PIN; never from an argument.
                """, valueName: "pkcs11-uri"))
    var key: String?

    /// The place, in the words in which it is kept; nil for the state folder.
    var place: String? {
        get throws {
            let environment = ProcessInfo.processInfo.environment
            guard let text = key ?? environment[TokenKeyHolder.variable], !text.isEmpty else { return nil }
            return try TokenKeyHolder(environment: environment).placeForNewKeys(text)
        }
    }
}
