/// The right to call what blocks: whoever holds it runs on a thread of this adapter, never in the cooperative pool.
///
/// It is made in two places, the main function of a pump and the start of a job, and cannot be copied or stored; each
/// call of librdkafka that may wait asks for it. So the compiler keeps Swift's own threads out of librdkafka.
struct BlockingThread: ~Copyable {
    /// To be made where a thread begins, and nowhere else.
    init(beginning: Void) {}
}
