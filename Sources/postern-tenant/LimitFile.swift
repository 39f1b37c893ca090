internal import Foundation
internal import RequestLimits

/// The file of `--limits`.
enum LimitFile {
    /// Reads a file; the usual limits without one.
    static func read(_ path: String?) throws -> LimitSettings {
        guard let path else { return LimitSettings() }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandFailure(.usage, "cannot read the file of limits \(path)")
        }
        do {
            return try JSONDecoder().decode(LimitSettings.self, from: data)
        } catch let DecodingError.dataCorrupted(context) {
            let place = context.codingPath.map(\.stringValue).joined(separator: ".")
            throw CommandFailure(
                .usage, "\(path)\(place.isEmpty ? "" : ", \(place)"): \(context.debugDescription)")
        } catch {
            throw CommandFailure(.usage, "\(path) is no file of limits: \(error)")
        }
    }
}
