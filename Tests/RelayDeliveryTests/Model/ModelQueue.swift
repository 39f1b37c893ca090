import RelayDelivery
import RelayFormat

/// The group's queue of the model: leases with epochs, given back when a link closes or the lease ends.
struct ModelQueue {
    struct Record {
        var number: Int
        var dispatch: ModelConnector.Table.Dispatch
        var epoch = 0
        var holder: BootID?
        var leaseEnd = 0
    }

    private static let lease = 4000
    private var records: [Record] = []
    private var stored = 0

    mutating func store(_ dispatch: ModelConnector.Table.Dispatch, in model: RelayModel) {
        // A queue that nobody has to trust may hold a record twice, each as if it were the only one.
        for _ in 0..<(model.chance(2) ? 2 : 1) {
            stored += 1
            records.append(Record(number: stored, dispatch: dispatch))
        }
        pump(in: model)
    }

    /// Hands free records to members with credit.
    mutating func pump(in model: RelayModel) {
        records.removeAll { $0.dispatch.dispatchUntil <= model.now.wall }
        for index in records.indices where records[index].holder == nil {
            let members = model.connectors.filter { connector in
                connector.isLinked
                    && records.count { $0.holder == connector.boot } < connector.limit
            }
            guard let member = members.randomElement(using: &model.random) else { return }
            records[index].epoch += 1
            records[index].holder = member.boot
            records[index].leaseEnd = model.time + Self.lease
            var dispatch = records[index].dispatch
            dispatch.mayBeRedelivery = records[index].epoch > 1
            let carrier = ModelConnector.Carrier(record: records[index].number, epoch: records[index].epoch)
            model.after(model.draw(1...15)) { member.arrive { $0.admit(dispatch, carrier: carrier) } }
        }
    }

    mutating func complete(_ carriers: [ModelConnector.Carrier], in model: RelayModel) {
        records.removeAll { record in
            record.holder != nil && carriers.contains { $0.record == record.number && $0.epoch == record.epoch }
        }
        pump(in: model)
    }

    mutating func extend(_ carriers: [ModelConnector.Carrier], in model: RelayModel) {
        for index in records.indices {
            let record = records[index]
            guard record.holder != nil,
                carriers.contains(where: { $0.record == record.number && $0.epoch == record.epoch })
            else { continue }
            records[index].leaseEnd = model.time + Self.lease
        }
    }

    /// The link of a boot has closed: what it held is free.
    mutating func release(_ boot: BootID, in model: RelayModel) {
        for index in records.indices where records[index].holder == boot { records[index].holder = nil }
        pump(in: model)
    }

    mutating func watchLeases(in model: RelayModel) {
        for index in records.indices where records[index].holder != nil && records[index].leaseEnd <= model.time {
            records[index].holder = nil
        }
        pump(in: model)
        model.after(500) { model.queue.watchLeases(in: model) }
    }
}
