"""The engine in a process of its own: the web and the model then share no interpreter lock.

`engine.py` is what the web holds, `child.py` the process that runs the model, `wire.py` what they
say to each other over a pair of pipes.
"""
