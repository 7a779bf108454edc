"""Every bell is heard: by a task that there is, on a queue that there is."""

from __future__ import annotations

from pathlib import Path

import celeryconfig
from syncer.flows import failures, notice_keeping
from syncer.flows.recovery import Recovery
from tasks.queueing import QUEUES, TASKS

ROOT = Path(__file__).parents[2]


def test_every_bell_has_its_task_which_is_routed_to_its_queue() -> None:
    queues = {queue.name for queue in celeryconfig.task_queues}
    for bell, task in TASKS.items():
        module, _, name = task.rpartition(".")
        assert f"def {name}(" in (ROOT / f"{module.replace('.', '/')}.py").read_text(), task
        queue = QUEUES.get(bell, bell)
        assert queue in queues
        assert celeryconfig.task_routes[f"{module}.*"]["queue"] == queue


def test_whatever_is_rung_is_a_bell() -> None:
    fields = {name: field for name, field in Recovery.__dataclass_fields__.items() if name == "queues"}
    recovered = fields["queues"].default_factory().values()  # type: ignore[misc, operator]
    assert {*recovered, *failures.BELLS.values(), *notice_keeping.BELLS.values()} <= set(TASKS)


def test_every_beat_rings_a_task_that_there_is() -> None:
    for entry in celeryconfig.beat_schedule.values():
        module, _, name = str(entry["task"]).rpartition(".")
        assert f"def {name}(" in (ROOT / f"{module.replace('.', '/')}.py").read_text(), entry
