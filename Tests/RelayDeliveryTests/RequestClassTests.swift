import RelayDelivery
import RelayFormat
import Testing

@Suite("Which class a request has")
struct RequestClassTests {
    private func scene(_ boot: DispatcherScene.Boot) -> DispatcherScene {
        let scene = DispatcherScene()
        #expect(scene.beat(boot).isEmpty)
        return scene
    }

    @Test("the class of a request whose caller states none is the strictest that a connector of the group says")
    func requestClass() {
        func offering(_ offer: ServiceOffer, _ number: UInt64) -> DispatcherScene.Boot {
            DispatcherScene.boot("c\(number)", number) { $0.services = [offer] }
        }
        let scene = scene(offering(ServiceOffer("web", honoursIdempotencyKey: true), 1))
        func found(_ method: String, _ service: String = "web") -> RequestClass {
            scene.presence.requestClass(group: DispatcherScene.group, service: service, method: method)
        }
        #expect(["GET", "PUT", "POST", "PATCH", "LOCK"].map { found($0) } == [.safe, .keyed, .keyed, .keyed, .once])
        #expect(["GET", "PUT", "POST"].map { found($0, "other") } == [.safe, .keyed, .once])
        _ = scene.beat(offering(ServiceOffer("web"), 2))
        #expect(["GET", "PUT", "POST"].map { found($0) } == [.safe, .keyed, .once])
        _ = scene.beat(offering(ServiceOffer("web", requestClass: .safe), 3))
        #expect(["GET", "PUT", "POST"].map { found($0) } == [.safe, .keyed, .once])
        let strict = offering(ServiceOffer("web", requestClass: .once), 4)
        _ = scene.beat(strict)
        #expect(["GET", "PUT", "POST"].map { found($0) } == [.once, .once, .once])
        _ = scene.revoked(strict)
        #expect(["GET", "PUT", "POST"].map { found($0) } == [.safe, .keyed, .once])
    }
}
