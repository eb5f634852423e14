"""Many simulated examples, on any number of processes, always the same ones for the same seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lcnet.core.examples import Examples

if TYPE_CHECKING:
    from lcnet.core.task import Task

__all__ = ["BLOCK", "apart", "simulate"]

BLOCK = 64  # examples simulated from one seed: part of what a seed means, so never changed


def simulate(task: Task, n: int, seed: int, *, jobs: int = 1, progress: bool | None = None) -> Examples:
    """`n` labelled examples of `task`, in blocks whose seeds come from `seed`: `jobs` does not change the result.

    Parameters
    ----------
    task : Task
    n : int
        How many examples.
    seed : int
        Not negative.
    jobs : int
        Processes; they import the task's simulator and not torch.
    progress : bool, optional
        Show a progress bar; by default on a terminal only.

    Returns
    -------
    Examples
        Their groups are ``"simulated/<seed>/<block>/<group>"``: blocks are independent, and no
        group is mistaken for one of real data.
    """
    from joblib import Parallel, delayed
    from tqdm import tqdm

    if n < 1 or seed < 0 or jobs < 1:
        raise ValueError(f"n and jobs must be positive and seed not negative, not n={n}, jobs={jobs}, seed={seed}")
    sizes = [min(BLOCK, n - start) for start in range(0, n, BLOCK)]
    calls = (delayed(_block)(task.simulate, size, seed, number) for number, size in enumerate(sizes))
    # loky starts fresh interpreters (a fork would copy numba's and torch's threads) and does not run __main__ again
    blocks = Parallel(n_jobs=min(jobs, len(sizes)), return_as="generator")(calls)
    parts = []
    hidden = None if progress is None else not progress
    with tqdm(total=n, desc=f"simulate {task.name}", unit=" ex", disable=hidden) as bar:
        for part in blocks:
            parts.append(part)
            bar.update(len(part))
    examples = Examples.concatenate(parts)
    examples.attributes = {"task": task.name, "seed": seed}
    return examples


def apart(seed: int) -> int:
    """A seed for examples that judge, from that of examples that train: `simulate` gives none of them for both.

    The same seed would give the very same blocks, however many of each are drawn.
    """
    return int(np.random.SeedSequence([seed, 0xE7A1]).generate_state(1)[0])


def _block(function, size: int, seed: int, number: int) -> Examples:
    # 63 bits: a block's seed must survive every integer type it may be stored in
    state = np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0]
    part = function(size, int(state >> np.uint64(1)))
    if len(part) != size:
        raise ValueError(f"the task's simulate returned {len(part)} examples instead of {size}")
    part.group = np.array([f"simulated/{seed}/{number}/{group}" for group in part.group])
    return part
