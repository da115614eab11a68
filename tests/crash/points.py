"""Every named crash point of the engine (base/crashpoint.h), and how the crash tests get there.

A new point gets a line in one of the two tables. Both tests fail if a point of the sources has no
line, if a line has no point, or if the engine was never killed at one.
"""

import os
import pathlib
import re

KILLS = int(os.environ.get("KILLS", "200"))
SCALE = KILLS / 200
ONLY = os.environ.get("ONLY", "")  # names that begin so
ENGINE = pathlib.Path(__file__).parents[2] / "engine"

# While eight clients submit: test_crash.py. `times` of 200 kills; the point is hit at its n-th
# reaching, n at random up to `latest`; `before` is done while no engine runs, `serve` are options
# of the engine that is to die, `during` is done beside it.
UNDER_LOAD = {
    "writer.before_commit": {"times": 14, "latest": 150},
    "writer.after_commit": {"times": 14, "latest": 150},
    "session.running_committed": {"times": 14, "latest": 40},
    "session.sent_ahead": {"times": 12, "latest": 40},
    "session.replied": {"times": 12, "latest": 40},
    "session.end_committed": {"times": 12, "latest": 40},
    "notebook.temporary_written": {"times": 6, "latest": 3},
    "notebook.before_rename": {"times": 6, "latest": 3},
    "notebook.renamed": {"times": 6, "latest": 3},
    "kernel.started": {"times": 5, "before": "end_a_kernel"},
    "kernel.recorded": {"times": 5, "before": "end_a_kernel"},
    "recovery.begun": {"times": 4},
    "recovery.kernels_attached": {"times": 4},
    "recovery.strays_ended": {"times": 4},
    "recovery.settled": {"times": 5, "left": "session.sent_ahead:1"},
    "recovery.notebook_done": {"times": 6, "latest": 4},
    "recovery.interrupted": {"times": 5, "before": "end_all_kernels"},
    "recovery.kernel_lost": {"times": 5, "before": "end_a_kernel"},
    "recovery.held": {"times": 3, "serve": ["--recovery", "hold"]},
}

# Without load, each on a copy of the same data: test_crash_maintenance.py and
# test_crash_assets.py, which say how.
MAINTENANCE = {
    "cleanup.tasks_removed": 3,
    "cleanup.cells_removed": 2,
    "cleanup.room_given_back": 2,
    "migration.copied": 2,
    "migration.backed_up": 2,
    "migration.statement": 14,
    "migration.step": 2,
    "backup.copied": 3,
    "backup.published": 2,
    "replacement.begun": 2,
    "replacement.log_aside": 2,
    "replacement.old_aside": 2,
    "replacement.done": 2,
    "salvage.recovered": 2,
    "asset.leased": 3,
    "asset.written": 3,
    "sweep.moved": 3,
    "sweep.marked": 2,
    "sweep.renewed": 2,
    "sweep.restored": 2,
    "sweep.deleted": 3,
}

# Besides, while eight clients submit, at moments that nobody has named.
AT_RANDOM = {
    "engine": 24,
    "kernel": 6,  # and the engine goes on
    "engine and kernels": 6,
}


def scaled(times):
    return max(1, round(times * SCALE))


def in_the_sources():
    found = []
    for source in ENGINE.rglob("*.cpp"):
        found += re.findall(r'crashPoint\("([^"]+)"\)', source.read_text())
    return found
