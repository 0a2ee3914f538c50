"""Text in, events out: the one model of this process and everything that feeds it."""

import os

# libgomp's waiting threads spin for milliseconds by default. Beside a web server, or anything else
# that wants the cores, such waits collapse: the same work took ten times as long. Waiting asleep is
# slow as well, for a step is hundreds of small products. So they spin for some microseconds first:
# a quarter faster alone, up to a quarter slower where another process wants a core all the time.
# libgomp reads the variables when torch is loaded, so this comes before.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
