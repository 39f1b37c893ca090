"""What failed in a test run, and what took longest: the end of a log is all that is read of a long one.

Usage: test_summary.py LOG..., files with what `swift test` (Swift Testing) printed.
"""

import itertools
import re
import sys

SHOWN = 15
WIDTH = 800

ISSUE = re.compile(r"✘ .* recorded an issue")
DETAIL = re.compile(r"\s*(↳|//)")
STARTED = re.compile(r"◇ Test (.*?) started\.")
ENDED = re.compile(r"[✔✘] (Test|Suite) (.*?)(?: with \d+ test cases?)? (?:passed|failed) after ([0-9.]+) seconds")


def lines_of(path):
    with open(path, encoding="utf-8", errors="replace") as log:
        for line in log:
            line = line.rstrip("\n")
            yield line if len(line) <= WIDTH else line[:WIDTH] + " …"


def main(paths):
    failures, durations, ends = [], {"Test": [], "Suite": []}, []
    begun = {}
    within_issue = False
    for line in itertools.chain.from_iterable(map(lines_of, paths)):
        within_issue = bool(ISSUE.match(line)) or (within_issue and bool(DETAIL.match(line)))
        if within_issue:
            failures.append(line)
        started = STARTED.match(line)
        if started and started.group(1) != "run" and not started.group(1).startswith("case "):
            begun[started.group(1)] = None
        # Not always at the beginning: an argument that is printed before it may end in a line break of another kind.
        ended = ENDED.search(line)
        if ended:
            begun.pop(ended.group(2), None)
        if ended and ended.group(2).startswith("run with"):
            ends.append(line)
        elif ended:
            kind, name, seconds = ended.groups()
            durations[kind].append((float(seconds), name))
            if line.startswith("✘"):
                failures.append(line)

    print("\n".join(ends))
    for kind, ended in durations.items():
        print(f"Longest {kind.lower()}s, in seconds:")
        for seconds, name in sorted(ended, reverse=True)[:SHOWN]:
            print(f"{seconds:8.1f}  {name}")
    if begun:
        print("What began and did not end:")
        print("\n".join(begun))
    if failures:
        print("What failed:")
        print("\n".join(failures))


main(sys.argv[1:])
