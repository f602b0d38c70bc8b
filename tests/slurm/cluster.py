"""A real Slurm on one machine: a controller, two node daemons and munge, as root.

Nothing outside its folder is touched, and nothing listens but on the loopback address::

    python -m tests.slurm.cluster FOLDER   # starts one, and says how to use it; Ctrl-C ends it

Debian's build lets several node daemons run on one machine. Nodes claim 16 processors, 64 GB and a
GPU each, so that jobs may ask for what they would on a cluster.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

NODES = ("node1", "node2")
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "munged")
PATH = f"{os.environ['PATH']}:/usr/sbin"

CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
GresTypes=gpu
MpiDefault=none
MailProg=/bin/true
# a node that does not answer is down, and one that comes back serves again
SlurmdTimeout=10
ReturnToService=2
KillWait=2
MinJobAge=3600
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=1
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} {size}
NodeName=node2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} {size}
PartitionName=main Nodes=node1,node2 Default=YES MaxTime=600 State=UP
"""
SIZE = "CPUs=16 RealMemory=64000 Gres=gpu:1"
GPUS = "AutoDetect=off\nNodeName=node[1-2] Name=gpu File=/dev/null\n"


def missing() -> str:
    """Why there can be no cluster here; empty if there can."""
    if os.geteuid() != 0:
        return "Slurm's daemons need root"
    absent = [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]
    if absent:
        return f"no {', '.join(absent)}: apt-get install --no-install-recommends slurm-wlm munge"
    return ""


class Cluster:
    """The daemons of a cluster.

    Parameters
    ----------
    folder
        Everything that they write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.conf = self.folder / "slurm.conf"
        path = f"{self.folder}/bin:{PATH}"
        self.environment = {**os.environ, "PATH": path, "SLURM_CONF": str(self.conf)}

    def start(self) -> None:
        """Start all daemons, and wait until the nodes serve."""
        for name in ("bin", "munge", "state", *(f"spool/{node}" for node in NODES)):
            (self.folder / name).mkdir(parents=True, mode=0o755)
        # the plugin takes SLURM_CONF from the environment of a job before it calls srun
        step = self.folder / "bin" / "srun"
        step.write_text(f'#!/bin/sh\nSLURM_CONF={self.conf} exec {_program("srun")} "$@"\n')
        step.chmod(0o755)
        names = {"host": socket.gethostname(), "folder": self.folder, "ports": _free_ports(3)}
        self.conf.write_text(CONF.format(**names, size=SIZE), "utf-8")
        (self.folder / "gres.conf").write_text(GPUS, "utf-8")
        key = self.folder / "munge" / "key"
        key.touch(mode=0o400)
        key.write_bytes(os.urandom(1024))
        munge = self.folder / "munge"
        options = {"socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        paths = [f"--{option}={munge / name}" for option, name in options.items()]
        self._run("munged", "--force", f"--key-file={key}", *paths)
        self.start_controller()
        for node in NODES:
            self.start_node(node)
        self.wait_for(dict.fromkeys(NODES, "idle"))

    def stop(self) -> None:
        """End every daemon and what it started."""
        for node in NODES:
            self.kill_node(node)
        self.kill_controller()
        with suppress(FileNotFoundError, psutil.NoSuchProcess):
            psutil.Process(int((self.folder / "munge" / "pid").read_text())).kill()

    def start_controller(self) -> None:
        """Start the controller; it goes on with the jobs that it knew."""
        self._run("slurmctld", "-f", str(self.conf))

    def kill_controller(self) -> None:
        """SIGKILL the controller."""
        self._kill(process for process in psutil.process_iter() if self._is(process, "slurmctld"))

    def start_node(self, node: str) -> None:
        """Start the daemon of a node."""
        self._run("slurmd", "-N", node, "-f", str(self.conf))

    def kill_node(self, node: str) -> int:
        """SIGKILL the daemon of a node and all that runs on it, as when its power goes.

        Returns
        -------
        int
            How many processes it were.
        """
        found = [one for one in psutil.process_iter() if self._is(one, "slurmd", "-N", node)]
        for process in self.on_node(node):
            parent = process.parent()
            if parent is not None and parent.name().startswith("slurmstepd"):
                found.append(parent)
            found.append(process)
        return self._kill(found)

    def on_node(self, node: str) -> list[psutil.Process]:
        """The processes of jobs on a node."""
        wanted = {"SLURMD_NODENAME": node, "SLURM_CONF": str(self.conf)}
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                environment = process.environ()
                if all(environment.get(name) == value for name, value in wanted.items()):
                    found.append(process)
        return found

    def states(self) -> list[str]:
        """State of every job that was ever submitted."""
        return self._run("squeue", "--states=all", "--noheader", "--format=%T").split()

    def node_of(self, words: str) -> str:
        """The node of the running job whose comment, rule and wildcards, has these words."""
        told = self._run("squeue", "--states=RUNNING", "--noheader", "--format=%N %k")
        return next(line.split()[0] for line in told.splitlines() if words in line)

    def nodes(self) -> dict[str, str]:
        """State of every node, such as ``idle``, ``mixed`` or ``down*``."""
        told = self._run("sinfo", "--Node", "--noheader", "--format=%N %t")
        return dict(line.split() for line in told.splitlines())

    def wait_for(self, nodes: dict[str, str], *, seconds: float = 60) -> None:
        """Wait until nodes are in these states."""
        end = time.monotonic() + seconds
        while not nodes.items() <= (found := self.nodes()).items():
            if time.monotonic() > end:
                raise TimeoutError(f"nodes are {found}, not {nodes}: see {self.folder}/*.log")
            time.sleep(0.5)

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
        return done.stdout

    def _is(self, process: psutil.Process, *words: str) -> bool:
        """Whether a process is a daemon of this cluster with these words in its command."""
        with suppress(psutil.Error):
            command = process.cmdline()
            return command[: len(words)] == [*words] and str(self.conf) in command
        return False

    def _kill(self, processes) -> int:
        unique = set(processes)
        for process in unique:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        psutil.wait_procs(unique, timeout=10)
        return len(unique)


def _program(name: str) -> str:
    """Where a program lies."""
    found = shutil.which(name, path=PATH)
    assert found is not None
    return found


def _free_ports(count: int) -> list[int]:
    """Ports of the loopback address that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


if __name__ == "__main__":
    if told := missing():
        sys.exit(f"No Slurm: {told}")
    cluster = Cluster(Path(sys.argv[1]))
    try:
        cluster.start()
        print(f"export SLURM_CONF={cluster.conf} PATH={cluster.folder}/bin:$PATH", flush=True)
        signal.pause()
    except KeyboardInterrupt:
        pass
    finally:
        cluster.stop()
