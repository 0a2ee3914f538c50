"""Which process a running reply belongs to."""

import os
import socket
import subprocess
import sys

from chat import owner


def test_this_process_lives():
    assert not owner.is_dead(owner.me())


def test_a_process_of_this_host_that_ended_is_dead():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert owner.is_dead(f"{socket.gethostname()}:{ended.pid}:1.00")


def test_another_process_with_the_same_pid_is_not_the_owner():
    assert owner.is_dead(f"{socket.gethostname()}:{os.getpid()}:1.00")


def test_nothing_is_known_about_other_hosts():
    assert not owner.is_dead("another.host:1:1.00")
    assert not owner.is_dead("nonsense")
