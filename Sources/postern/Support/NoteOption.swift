internal import ArgumentParser
internal import RelayFormat

/// Checks a note that travels with an order and is shown wherever its effect is.
enum NoteOption {
    static func check(_ note: String) throws {
        guard note.utf8.count <= RelayLimits.note else {
            throw ValidationError("a note has at most \(RelayLimits.note) bytes")
        }
    }
}
