/// What librdkafka gave out.
///
/// A pointer is unchecked; those of the library may be used from any thread, and whoever holds this one has seen to it that
/// it lives.
struct LibraryHandle: @unchecked Sendable {
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
    }
}
