"""Work in the background: in order, and none after a failure."""

import threading

import pytest

from neuronxa.activations.transfer import Background


def test_work_is_done_in_order_before_the_end():
    done = []
    with Background() as background:
        for number in range(20):
            background.run(lambda n=number: done.append(n))
    assert done == list(range(20))


def test_nothing_is_done_after_a_failure():
    """What waits behind a failed piece of work may be the commit of what it left half-done."""
    done, held = [], threading.Event()

    def fail():
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"), Background() as background:
        background.run(lambda: held.wait() and None)
        background.run(fail)
        background.run(lambda: done.append("committed"))
        held.set()
    assert not done


def test_a_failure_of_the_caller_ends_what_waits():
    done, held, started = [], threading.Event(), threading.Event()

    def wait():
        started.set()
        held.wait()

    def interrupted():
        with Background() as background:
            background.run(wait)
            background.run(lambda: done.append("committed"))
            started.wait()
            threading.Timer(0.2, held.set).start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not done
