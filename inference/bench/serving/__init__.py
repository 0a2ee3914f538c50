"""The whole server under load, measured from outside by clients of its own protocol.

`manage.py bench --serve` is its command line; docs/performance.md says how to read it.
"""
