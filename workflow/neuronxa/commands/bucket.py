"""Results in a bucket of an object store: push them, pull them, or follow a run.

``make run BUCKET=s3://lab/runs/one`` does all of it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import psutil

from neuronxa.stores.lock import writing

#: Held by whoever moves files between this folder and its bucket.
LOCK = Path(".snakemake", "bucket.lock")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "action",
        choices=["push", "pull", "follow"],
        help="push: upload what has changed; pull: fetch what is there; "
        "follow: push while a process lives",
    )
    parser.add_argument("url", help="bucket and prefix, such as s3://lab/runs/one")
    parser.add_argument("--process", type=int, help="the process to follow")
    add_following(parser)


def add_following(parser: argparse.ArgumentParser) -> None:
    """Options of who follows a run."""
    parser.add_argument(
        "--every", type=float, metavar="SECONDS", help="between two uploads; by default a minute"
    )
    parser.add_argument(
        "--take-over",
        action="store_true",
        help="the run that last wrote to the bucket is dead: do not wait ten minutes for it",
    )


def run(options: argparse.Namespace) -> int:
    """Move the files; waits while another process of this folder does."""
    from neuronxa.bucket.bucket import EVERY, Bucket

    bucket = Bucket(options.url)
    with writing(LOCK):
        if options.action == "pull":
            print(f"{bucket.pull()} files fetched")
            return 0
        process = psutil.Process(options.process) if options.process else None
        bucket.open(take_over=options.take_over)
        if options.action == "follow":
            every = EVERY if options.every is None else options.every
            bucket.follow(lambda: process is not None and _lives(process), every=every)
        else:
            print(f"{bucket.push()} files uploaded")
            bucket.close()
    return 0


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
