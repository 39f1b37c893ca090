internal import Foundation
internal import GRDB

extension Registry {
    /// The machines' certificates that have not ended, in DER; blocks, for the start and the command line.
    func liveCertificates(at now: Date) throws(EnrollmentServiceError) -> [[UInt8]] {
        try Self.reporting {
            try database.read { database in
                try Data.fetchAll(
                    database, sql: "SELECT der FROM certificates WHERE not_after > ?", arguments: [Stamp(now)]
                ).map { Array($0) }
            }
        }
    }
}
