#!/usr/bin/env python3
"""Prints the rows that the fault tests wrote (JSON lines) as one table, for a terminal or as Markdown."""
import json
import sys

rows = [json.loads(line) for line in open(sys.argv[1])]
rows.sort(key=lambda row: (int(row["number"]), row["failure"]))
head = ["no.", "failure", "sent", "executed", "answered", "refused", "cut off", "unknown",
        "run again: safe/keyed/once", "worst wait", "note"]
body = [[row["number"], row["failure"], row["sent"], row["executed"], row["answered"], row["refused"], row["cutOff"],
         row["unknown"], "{safe}/{keyed}/{once}".format(**row["duplicates"]), f'{row["worstWait"]} ms', row["note"]]
        for row in rows]
table = [[str(cell) for cell in line] for line in [head] + body]
widths = [max(len(line[column]) for line in table) for column in range(len(head))]
for number, line in enumerate(table):
    print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |")
    if number == 0:
        print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
