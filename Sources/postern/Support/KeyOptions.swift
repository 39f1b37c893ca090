internal import ArgumentParser
internal import Foundation
internal import IdentityStore
internal import TokenKeys

/// Where the identity's key is made.
struct KeyOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Make the key in an HSM or TPM: a pkcs11: URI of RFC 7512; 'file': in the state folder, as without it.",
            discussion: """
                As 'pkcs11:token=LABEL;object=NAME?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/path'. \
                Also by POSTERN_KEY. The PIN comes from the file, or systemd's credential postern-pin, or \
                POSTERN_KEY_PIN; never from an argument.
                """, valueName: "pkcs11-uri|file"))
    var key: String?

    /// Where the key is to be made.
    var newKeys: NewKeys {
        get throws { try Self.newKeys(key) }
    }

    /// Where the key is to be made by an option, or by the environment if there is none.
    static func newKeys(_ option: String? = nil) throws -> NewKeys {
        let environment = ProcessInfo.processInfo.environment
        guard let text = option ?? environment[TokenKeyHolder.variable], !text.isEmpty else { return .asBefore }
        if text == "file" { return .inFolder }
        return .at(try TokenKeyHolder(environment: environment).placeForNewKeys(text))
    }
}
