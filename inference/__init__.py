"""Text in, events out: the one model of this process and everything that feeds it."""

import os

# libgomp's waiting threads spin by default. Beside a web server, or anything else that wants the
# cores, spinning waits collapse: the same work took ten times as long. It reads the variable when
# torch is loaded, so this comes before.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
