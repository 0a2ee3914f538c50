"""Measuring the engine: a made model of a named shape, a load of conversations, peers beside it.

`manage.py bench` is its command line; docs/performance.md says how to run it and read it.
"""
