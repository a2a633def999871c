"""A SLURM of one node with pretended GPUs, in a folder of its own: nothing is installed.

Debian's packages are unpacked into the folder, munge has a key and a socket there, and the daemons
listen on this machine's loopback address only. GPUs are copies of /dev/null: SLURM counts and
assigns them as it does real ones, and no job can compute on them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")
NODE = "node0"
DEVICES = ("/dev/null", "/dev/zero")
"""What SLURM takes for GPUs: it wants device files, counts them and never opens them."""
CORES = 3
MEMORY_MB = 32000
UP_SECONDS = 60
LONGEST_SECONDS = 7200
"""After which the daemons end by themselves, should nobody be left to stop them."""

CONFIGURATION = """
ClusterName=pretended
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmdParameters=config_overrides
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
PluginDir={plugins}
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=2,sched_interval=2,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=0
MinJobAge=600
KillWait=20
ReturnToService=2
InactiveLimit=0
GresTypes=gpu
DefMemPerCPU=500
NodeName=DEFAULT CPUs={cores} RealMemory={memory} Gres=gpu:fake:{gpus}
NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1
PartitionName=cpu Nodes={node} Default=YES MaxTime=7-0 PriorityTier=1
PartitionName=gpu Nodes={node} MaxTime=7-0 PriorityTier=1
PartitionName=urgent Nodes={node} MaxTime=1-0 PriorityTier=9 PreemptMode=OFF
"""


class Unavailable(RuntimeError):
    """What a SLURM is made of can't be had on this machine; the message is why."""


def succeed(*command: str | Path, cwd: Path, seconds: float = 240) -> str:
    """What a command prints; `Unavailable` with its last words where it fails."""
    try:
        done = subprocess.run(
            command, cwd=cwd, capture_output=True, text=True, timeout=seconds, check=True
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{command[0]} took longer than {seconds} s") from None
    except subprocess.CalledProcessError as fault:
        words = (fault.stderr or fault.stdout).strip().splitlines() or ["it said nothing"]
        raise Unavailable(f"{' '.join(map(str, command[:3]))} failed: {words[-1]}") from None
    return done.stdout


def unpack_packages(folder: Path) -> Path:
    """Unpack those of SLURM's Debian packages that this machine lacks; the root they lie under.

    Raises:
        Unavailable: this is no Debian, or its packages can't be had.
    """
    for tool in ("apt-get", "dpkg"):
        if not shutil.which(tool):
            raise Unavailable(f"SLURM's Debian packages are needed, and there is no {tool} here")
    root, downloaded = folder / "root", folder / "downloaded"
    root.mkdir()
    downloaded.mkdir()
    downloaded.chmod(0o777)  # apt fetches as a user of its own
    simulate = ("apt-get", "install", "--simulate", "--no-install-recommends", *PACKAGES)
    try:
        plan = succeed(*simulate, cwd=folder)
    except Unavailable:  # a fresh machine has no lists of packages
        succeed("apt-get", "update", cwd=folder)
        plan = succeed(*simulate, cwd=folder)
    missing = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    if missing:
        succeed("apt-get", "download", *missing, cwd=downloaded)
    for package in downloaded.glob("*.deb"):
        succeed("dpkg", "-x", package, root, cwd=folder)
    for program in root.glob("usr/sbin/*-wlm"):  # SLURM looks at the names its daemons run under
        program.with_name(program.name.removesuffix("-wlm")).symlink_to(program.name)
    return root


def _free_ports(count: int) -> list[int]:
    """Ports of the loopback address that nobody listens on."""
    with contextlib.ExitStack() as opened:
        sockets = [opened.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class Slurm:
    """A running controller and node.

    Attributes:
        folder: of its settings, logs and state.
        environment: what a client of this SLURM needs in its environment.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder = folder
        libraries = sorted({path.parent for path in root.rglob("*.so*")})
        folders = [folder / "bin", root / "usr/sbin", root / "usr/bin", os.environ["PATH"]]
        self.environment: Mapping[str, str] = {
            "PATH": os.pathsep.join(map(str, folders)),
            "LD_LIBRARY_PATH": os.pathsep.join(map(str, libraries)),
            "SLURM_CONF": str(folder / "slurm.conf"),
        }
        self._daemons: list[subprocess.Popen] = []
        self._write_settings(root)
        self._write_srun()

    def _write_srun(self) -> None:
        """Snakemake's plugin takes SLURM_CONF away from srun, which would look in /etc."""
        script = self.folder / "bin/srun"
        script.parent.mkdir()
        conf = self.environment["SLURM_CONF"]
        script.write_text(f"#!/bin/sh\nSLURM_CONF='{conf}' exec '{self.program('srun')}' \"$@\"\n")
        script.chmod(0o755)

    def _write_settings(self, root: Path) -> None:
        places = (root, Path("/usr/lib"))
        plugins = [path.parent for place in places for path in place.rglob("auth_munge.so")]
        controller_port, node_port = _free_ports(2)
        text = CONFIGURATION.format(
            host=socket.gethostname().split(".")[0],
            controller_port=controller_port,
            node_port=node_port,
            user=succeed("id", "-un", cwd=self.folder).strip(),
            folder=self.folder,
            plugins=plugins[0],
            node=NODE,
            cores=CORES,
            memory=MEMORY_MB,
            gpus=len(DEVICES),
        )
        (self.folder / "slurm.conf").write_text(text)
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        lines = [f"NodeName={NODE} Name=gpu Type=fake File={device}" for device in DEVICES]
        (self.folder / "gres.conf").write_text("\n".join(["AutoDetect=off", *lines, ""]))
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)

    def program(self, name: str) -> str:
        """The path of a program of SLURM's or munge's."""
        found = shutil.which(name, path=self.environment["PATH"])
        if not found:
            raise Unavailable(f"SLURM's packages hold no {name}")
        return found

    def _daemon(self, *command: str) -> None:
        with open(self.folder / "daemons.log", "a") as log:
            self._daemons.append(
                subprocess.Popen(
                    ["timeout", "-k", "10", str(LONGEST_SECONDS), *command],
                    env={**os.environ, **self.environment},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )

    def start(self) -> None:
        """Start munge, the controller and the node, and wait until the node takes jobs.

        Raises:
            RuntimeError: one of them ends or does not come up; the end of each log follows.
        """
        place = self.folder
        self._daemon(
            *(self.program("munged"), "--foreground", "--force", f"--key-file={place}/munge.key"),
            *(f"--socket={place}/munge.socket", f"--pid-file={place}/munged.pid"),
            *(f"--log-file={place}/munged.log", f"--seed-file={place}/munged.seed"),
        )
        self._wait("munge", (place / "munge.socket").exists)
        self._daemon(self.program("slurmctld"), "-D", "-i")
        self._daemon(self.program("slurmd"), "-D", "-N", NODE, "-d", self.program("slurmstepd"))
        self._wait("SLURM", lambda: "idle" in self.run("sinfo", "--noheader", "-o", "%t"))

    def _wait(self, what: str, there: Callable[[], bool]) -> None:
        end = time.monotonic() + UP_SECONDS
        while not there():
            ended = [daemon for daemon in self._daemons if daemon.poll() is not None]
            if ended or time.monotonic() > end:
                logs = "\n".join(path.read_text()[-1500:] for path in self.folder.glob("*.log"))
                raise RuntimeError(f"{what} does not come up:\n{logs}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End every job and every daemon, the node before the controller."""
        if len(self._daemons) == 3:
            self.run("scancel", "--signal=KILL", "--full", f"--user={os.getuid()}")
        for daemon in reversed(self._daemons):
            daemon.terminate()
            try:
                daemon.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(daemon.pid, signal.SIGKILL)
                daemon.wait()
        for process in self._left():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def _left(self) -> Iterator[int]:
        """What its jobs left running: SLURM doesn't find all processes of a node that was lost."""
        mark = f"SLURM_CONF={self.environment['SLURM_CONF']}\0".encode()
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes():
                    yield int(entry.name)

    def run(self, program: str, *arguments: str) -> str:
        """What a client of SLURM prints."""
        done = subprocess.run(
            [self.program(program), *arguments],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.stdout


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Slurm]:
    """A SLURM for as long as the block lasts.

    Raises:
        Unavailable: its packages can't be had.
        RuntimeError: they can, and it does not come up.
    """
    slurm = Slurm(folder, unpack_packages(folder))
    try:
        slurm.start()
        yield slurm
    finally:
        slurm.stop()
