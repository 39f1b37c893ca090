internal import Foundation
internal import KafkaTopology
internal import RelayFormat

/// What both processes of a benchmark have to know; handed over in a file.
struct BenchmarkPlace: Codable {
    var port: Int
    var certificate: String
    var tenant: String
    var group: String
    var member: String
    /// Nil where nothing is sealed.
    var sealing: BenchmarkSealing?
    /// The cluster, where the way is Kafka.
    var kafka: Kafka?

    /// A cluster.
    struct Kafka: Codable {
        var bootstrap: String
        var layout: KafkaLayout
    }

    var tenantID: TenantID { TenantID(tenant) ?? .none }
    var groupID: GroupID { GroupID(group) ?? .none }
    var memberID: MemberID { MemberID(member) ?? .none }

    static func read(_ path: String) throws -> BenchmarkPlace {
        try JSONDecoder().decode(Self.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }

    func write(_ path: String) throws {
        try JSONEncoder().encode(self).write(to: URL(fileURLWithPath: path))
    }
}
