import MachineIdentity
import Testing

@Suite("What stands for a computer")
struct MachineMarkTests {
    @Test("it is the same for the same machine and connector alone, and does not show the machine's id")
    func mark() throws {
        let id = "0123456789abcdef0123456789abcdef"
        let mark = try #require(MachineMark.make(machineID: id + "\n", connector: "one"))
        #expect(mark.count == 64 && !mark.contains(id))
        #expect(MachineMark.make(machineID: id, connector: "one") == mark)
        #expect(MachineMark.make(machineID: id, connector: "two") != mark)
        #expect(MachineMark.make(machineID: "other", connector: "one") != mark)
        #expect(MachineMark.make(machineID: " \n", connector: "one") == nil)
    }
}
