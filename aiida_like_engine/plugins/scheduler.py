"""Jobs as processes of this machine. A job's id is never mistaken for another process, not even after a reboot."""

from __future__ import annotations

import os
import time
from collections.abc import Collection

from aiida.schedulers import JobInfo, JobState
from aiida.schedulers.plugins.direct import DirectScheduler

# `b` is the boot; `t PID` prints when that process began, the 22nd field of its stat: the name, field 2, may hold
# blanks and brackets. A zombie has ended. Only bash's own commands: this runs once a second.
_FUNCTIONS = (
    "read -r b </proc/sys/kernel/random/boot_id; "
    "t() { local l; read -r l 2>/dev/null </proc/$1/stat || return 1; set -- ${l##*) }; "
    '[ "$1" != Z ] && echo ${20}; }; '
)
_SUBMIT = "setsid -f bash -c '" + _FUNCTIONS + 'echo "$$.$(t $$).$b"; exec bash "$0" >/dev/null 2>&1 </dev/null\' '


def _is_alive(job: str) -> str:
    pid, ticks, boot = job.split(".")
    return f'[ "$b" = {boot} ] && [ "$(t {int(pid)})" = {int(ticks)} ]'


FEW_JOBS = 2
YOUNG_SECONDS = 1.5
YOUNG_POLL_SECONDS = 0.15


def poll_seconds(jobs: Collection[str], setting: float) -> float:
    """How long AiiDA waits before it looks again whether any of some jobs has ended.

    That is not as long as the setting while one has just begun, which may end at once, and there are few: each look has
    its price.
    """
    is_young = any(0 <= age_of(job) < YOUNG_SECONDS for job in jobs)
    return min(setting, YOUNG_POLL_SECONDS) if is_young and len(jobs) <= FEW_JOBS else setting


def age_of(job: str) -> float:
    """Seconds since a job of this boot began, by its id."""
    ticks = int(job.split(".")[1])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


class LocalScheduler(DirectScheduler):
    """Starts each job at once, in a session of its own: it outlives the engine. Who may start is settled before."""

    _features = {"can_query_by_user": False}  # noqa: RUF012 - as the class above has it

    def _get_submit_command(self, submit_script: str) -> str:
        return _SUBMIT + submit_script

    def _get_joblist_command(self, jobs: list[str] | None = None, user: str | None = None) -> str:  # noqa: ARG002
        return _FUNCTIONS + " ".join(f"if {_is_alive(job)}; then echo {job}; fi;" for job in jobs or ()) + " true"

    def _parse_joblist_output(self, retval: int, stdout: str, stderr: str) -> list[JobInfo]:  # noqa: ARG002
        return [JobInfo({"job_id": line, "job_state": JobState.RUNNING}) for line in stdout.split()]

    def _get_kill_command(self, jobid: int | str) -> str:
        # The wrapper is the child of the script that AiiDA wrote; it ends what it runs.
        pid = int(str(jobid).split(".")[0])
        return f"{_FUNCTIONS} if {_is_alive(str(jobid))}; then pkill -TERM -P {pid}; fi; true"
