internal import Foundation

extension Installation {
    /// The life of certificates that a test wants, shorter than any that an operator may choose.
    ///
    /// In a debug build the environment variable `POSTERN_CERTIFICATE_LIFE` says it in seconds; a release build does
    /// not read it.
    static var testLife: Int? {
        #if DEBUG
            ProcessInfo.processInfo.environment["POSTERN_CERTIFICATE_LIFE"].flatMap(Int.init).flatMap {
                $0 > 0 ? $0 : nil
            }
        #else
            nil
        #endif
    }
}
