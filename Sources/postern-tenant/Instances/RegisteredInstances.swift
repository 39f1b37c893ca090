internal import Dispatcher
internal import EnrollmentService
internal import Foundation
internal import RelayFormat

/// The dispatchers side by side, as the register has them.
struct RegisteredInstances: InstanceSource {
    let register: InstanceRegister

    func instances() async throws -> [InstanceRecord] {
        try await register.all().map { instance in
            InstanceRecord(
                id: instance.id, name: instance.name, address: instance.address,
                addedAt: RelayTime(rounding: instance.addedAt),
                retiredAt: instance.retiredAt.map { RelayTime(rounding: $0) },
                removedAt: instance.removedAt.map { RelayTime(rounding: $0) })
        }
    }
}

extension RelayTime {
    /// A date of the register on the tenant's clock.
    fileprivate init(rounding date: Date) {
        self.init(milliseconds: UInt64(max(0, (date.timeIntervalSince1970 * 1000).rounded())))
    }
}
