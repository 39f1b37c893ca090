import Metrics
import MetricsExport
import Testing

@Suite("Metrics in Prometheus' text format")
struct MetricsRegistryTests {
    @Test("each kind of metric is written by its rules, ordered by name and labels")
    func format() {
        let registry = MetricsRegistry()
        let counter = Counter(label: "b_total", dimensions: [("z", "1"), ("a", "x\"\\\ny")], factory: registry)
        counter.increment(by: 2)
        Counter(label: "b_total", dimensions: [("z", "0")], factory: registry).increment()
        Gauge(label: "a-gauge", factory: registry).record(1.5)
        let timer = Timer(label: "c_seconds", dimensions: [("route", "r")], factory: registry)
        timer.recordNanoseconds(3_000_000)
        timer.recordNanoseconds(90_000_000_000)
        let lines = registry.text.split(separator: "\n").map(String.init)
        #expect(
            lines.prefix(5) == [
                "# TYPE a_gauge gauge", "a_gauge 1.5", "# TYPE b_total counter",
                "b_total{a=\"x\\\"\\\\\\ny\",z=\"1\"} 2",
                "b_total{z=\"0\"} 1",
            ])
        #expect(lines[5] == "# TYPE c_seconds histogram")
        #expect(lines.contains("c_seconds_bucket{route=\"r\",le=\"0.0025\"} 0"))
        #expect(lines.contains("c_seconds_bucket{route=\"r\",le=\"0.005\"} 1"))
        #expect(lines.contains("c_seconds_bucket{route=\"r\",le=\"60\"} 1"))
        #expect(
            lines.suffix(3) == [
                "c_seconds_bucket{route=\"r\",le=\"+Inf\"} 2", "c_seconds_sum{route=\"r\"} 90.003",
                "c_seconds_count{route=\"r\"} 2",
            ])
    }

    @Test("two handles of one name and the same labels are one metric, which outlives them")
    func identity() {
        let registry = MetricsRegistry()
        for _ in 0..<3 {
            Counter(label: "n_total", dimensions: [("a", "1"), ("b", "2")], factory: registry).increment()
        }
        Counter(label: "n_total", dimensions: [("b", "2"), ("a", "1")], factory: registry).increment()
        #expect(registry.text == "# TYPE n_total counter\nn_total{a=\"1\",b=\"2\"} 4\n")
    }

    @Test("what nobody has said is not written, and there is a bound of series")
    func bounds() {
        let registry = MetricsRegistry()
        _ = Gauge(label: "silent", factory: registry)
        #expect(registry.text.isEmpty)
        for number in 0..<10_010 {
            Counter(label: "many_total", dimensions: [("n", "\(number)")], factory: registry).increment()
        }
        #expect(registry.text.split(separator: "\n").count == 2 + 9_999 + 1)
        #expect(registry.text.contains("postern_metrics_refused_total 11"))
    }

    @Test(
        "only ports of this machine are taken",
        arguments: [
            ("127.0.0.1:9464", "127.0.0.1:9464"), ("[::1]:80", "[::1]:80"), ("localhost:1", "127.0.0.1:1"),
            ("127.9.9.9:65535", "127.9.9.9:65535"), ("0.0.0.0:9464", nil), ("192.0.2.1:9464", nil), ("[::]:9464", nil),
            ("127.0.0.1", nil), ("127.0.0.1:0", nil), ("127.0.0.1:65536", nil), (":9464", nil), ("", nil),
            ("127.example.org:9464", nil),
        ] as [(String, String?)])
    func addresses(text: String, expected: String?) {
        #expect((try? LoopbackAddress(text))?.description == expected)
    }
}
