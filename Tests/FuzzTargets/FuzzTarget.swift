internal import Foundation

/// A reader of bytes from outside, as libFuzzer tries it: `ops/fuzz --guided`.
///
/// It traps when a changed input is taken, or read as something else than what its reading writes; libFuzzer keeps the
/// input that did it.
struct FuzzTarget: Sendable {
    let name: String
    /// True inputs, with which the search begins.
    let seeds: [[UInt8]]
    let read: @Sendable ([UInt8]) -> Void

    static let all = FuzzTarget.formats + FuzzTarget.sealing + FuzzTarget.inner

    /// The one that the environment names.
    static let chosen: FuzzTarget = {
        let name = ProcessInfo.processInfo.environment["POSTERN_FUZZ_TARGET"] ?? ""
        guard let target = all.first(where: { $0.name == name }) else {
            print(all.map(\.name).joined(separator: "\n"))
            exit(name == "list" ? 0 : 2)
        }
        return target
    }()
}

/// Called once: puts the true inputs where the search begins.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(_ count: UnsafeRawPointer, _ arguments: UnsafeRawPointer) -> CInt {
    let target = FuzzTarget.chosen
    guard let folder = ProcessInfo.processInfo.environment["POSTERN_FUZZ_SEEDS"] else { return 0 }
    for (index, seed) in target.seeds.enumerated() {
        let place = URL(filePath: folder).appending(path: "seed-\(index)")
        do { try Data(seed).write(to: place) } catch { preconditionFailure("a seed cannot be written: \(error)") }
    }
    return 0
}

/// Called for each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func tryInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    FuzzTarget.chosen.read(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}
