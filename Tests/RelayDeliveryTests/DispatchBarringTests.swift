import RelayDelivery
import RelayFormat
import Testing

@Suite("What a connector says that was revoked or frozen")
struct DispatchBarringTests {
    private let one = DispatcherScene.boot("one", 1)
    private let two = DispatcherScene.boot("two", 2)

    private func pair(_ requestClass: RequestClass) -> DispatcherScene {
        let scene = DispatcherScene()
        _ = scene.beat(one)
        _ = scene.beat(two)
        _ = scene.submit(1, class: requestClass)
        return scene
    }

    @Test("a reply that was on its way does not count, and the other connector's does")
    func replyInFlight() {
        let scene = pair(.safe)
        #expect(scene.accepted(1, by: one).isEmpty)
        #expect(scene.revoked(one) == [.dispatched(1, attempt: 2, .inbox(two.boot))])
        #expect(scene.responded(1, by: one).isEmpty, "neither answered nor confirmed")
        #expect(scene.takeLateReplies() == 1)
        #expect(scene.accepted(1, attempt: 2, by: two).isEmpty)
        #expect(scene.responded(1, attempt: 2, by: two) == [.receipt(1, two.boot), .answered(1, nil, attempt: 2)])
    }

    @Test("it gets no leave to run, gives nothing back, and knows nothing")
    func nothingElse() {
        let scene = pair(.once)
        _ = scene.revoked(one)
        #expect(scene.claimed(1, by: one).isEmpty)
        #expect(scene.returned(1, by: one, .busy).isEmpty)
        #expect(scene.known(1, by: one, .interrupted).isEmpty)
        #expect(scene.beat(one).isEmpty)
        #expect(scene.presence.peers[one.boot]?.standing == .lost)
        #expect(scene.claimed(1, by: two) == [.granted(1, attempt: 1, two.boot)])
    }

    @Test("a successor of a revoked process is not heard either")
    func successor() {
        let scene = pair(.safe)
        _ = scene.revoked(one)
        #expect(scene.beat(one.successor).isEmpty)
        #expect(scene.presence.peers[one.successor.boot] == nil)
    }

    @Test("let in again it is there from its next beat on, and takes work")
    func readmitted() {
        let scene = pair(.safe)
        _ = scene.revoked(one)
        _ = scene.revoked(two)
        _ = scene.submit(2)
        scene.readmit(one)
        _ = scene.beat(one)
        #expect(scene.presence.peers[one.boot]?.standing == .online)
        _ = scene.submit(3)
        #expect(scene.accepted(3, by: one).isEmpty)
        #expect(scene.responded(3, by: one) == [.receipt(3, one.boot), .answered(3, nil, attempt: 1)])
    }
}
