import Testing

/// The failures of PROTOCOL.md section 6 that concern any broker, the embedded one unless Kafka is asked for, with real processes and a fault proxy in the path.
///
/// Each case checks what must hold and puts one row or more into the table that `ops/test --faults` prints.
@Suite("Faults", .serialized, .timeLimit(.minutes(15)))
struct FaultTests {}
