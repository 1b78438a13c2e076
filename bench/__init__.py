"""Side-by-side benchmarks: what Firstline costs beside a byte relay and beside the stack that people usually write.

    machine.py     cores, /proc           upstream.py   the fake Messages API    said.py    what is asked and replied
    line.py        one raw connection     relay.py      the limit                usual.py   the usual stack
    servers.py     starting and ending    turns.py      a turn of each           rounds.py  interleaved measuring
    idle.py        idle streams           append.py     the store by itself      report.py  table, JSON, Markdown

`python -m bench` runs all of it in less than four minutes; see docs/bench.md for what the numbers mean.
"""
