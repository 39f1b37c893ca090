"""What failed in a test run, and what took longest.

Usage: test_summary.py FAILED PART...

PART.events are event streams of Swift Testing (JSON lines); FAILED is written: a pattern for each test that failed, a line each.
"""

import json
import os
import re
import sys

SHOWN = 15
WIDTH = 800


def read(path):
    """The tests of a run by their ids, and its events."""
    tests, events = {}, []
    if not os.path.exists(path):  # The run ended before it began to write.
        return tests, events
    with open(path, encoding="utf-8", errors="replace") as stream:
        for line in stream:
            try:
                record = json.loads(line)
            except ValueError:  # The run was ended while it wrote.
                continue
            payload = record["payload"]
            if record["kind"] == "test":
                tests[payload["id"]] = payload
            elif payload["kind"] != "testCaseStarted":
                events.append(payload)
    return tests, events


def text(event):
    """What is said of an event, in lines that a log can bear."""
    for message in event["messages"]:
        for line in message["text"].splitlines():
            yield line if len(line) <= WIDTH else line[:WIDTH] + " …"


def main(failed_path, paths):
    ends, failures, failed = [], [], []
    begun, durations = {}, {"suite": [], "function": []}
    for path in paths:
        tests, events = read(path + ".events")
        for event in events:
            kind, test = event["kind"], event.get("testID")
            if kind == "runEnded":
                ends += text(event)
            elif kind == "testStarted":
                begun[test] = event["instant"]["absolute"]
            elif kind == "testEnded" and test in begun:
                known = tests.get(test, {"kind": "function", "name": test})
                name = known.get("displayName") or known["name"]
                durations[known["kind"]].append((event["instant"]["absolute"] - begun.pop(test), name))
            elif kind == "issueRecorded" and any(message["symbol"] == "fail" for message in event["messages"]):
                failures += text(event)
                if test not in failed:
                    failed.append(test)

    print("\n".join(ends))
    for kind, ended in durations.items():
        print(f"Longest {kind}s, in seconds:".replace("function", "test"))
        for seconds, name in sorted(ended, reverse=True)[:SHOWN]:
            print(f"{seconds:8.1f}  {name}")
    if begun:
        print("What began and did not end:")
        print("\n".join(begun))
    if failures:
        print("What failed:")
        print("\n".join(failures))
    with open(failed_path, "w", encoding="utf-8") as patterns:
        patterns.writelines(f"^{re.escape(str(test))}$\n" for test in failed)


main(sys.argv[1], sys.argv[2:])
