import RelayFormat
import RequestLedger
import Testing

@Suite("What a connector keeps over its restarts")
struct ResultJournalTests {}
