internal import Foundation

extension StateFolder {
    /// Removes what a process has left behind that was killed while it wrote one of the files; a key may be in it.
    ///
    /// Only the holder of the folder's lock may call it: what somebody else is writing just now looks the same.
    func removeLeftovers(of names: [String]) throws(IdentityStoreError) {
        let found = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        for file in found where file.hasSuffix(".new") {
            let isOurs = names.contains { name in
                guard file.hasPrefix(name) else { return false }
                // `NAME.new`, or `NAME.PROCESS.new` of a file that is never replaced.
                let middle = file.dropFirst(name.count).dropLast(".new".count)
                return middle.isEmpty || (middle.first == "." && middle.dropFirst().allSatisfy(\.isNumber))
            }
            if isOurs { try remove(file) }
        }
    }
}
