"""The command line: ``lcnet tasks | simulate | train | evaluate`` for every task, and the sciences' own verbs.

Everything heavy is imported inside the commands, so that ``lcnet --help`` answers at once.
"""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from lcnet.core import registry
from lcnet.supernovae.commands import app as supernovae
from lcnet.transits.commands import app as transits

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Networks for astronomical light curves: candidates found, classified and measured.",
)
app.add_typer(transits, name="transits")
app.add_typer(supernovae, name="supernovae")

TaskName = Annotated[str, typer.Argument(metavar="TASK", help="A name from `lcnet tasks`, or module:attribute.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of every random number.")]
Jobs = Annotated[int, typer.Option("--jobs", min=1, help="Processes that simulate.")]
Device = Annotated[str | None, typer.Option("--device", help="cpu or cuda; default: the accelerator, if any.")]
Data = Annotated[Path | None, typer.Option("--data", metavar="FILE", help="Labelled examples (HDF5).")]


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False) -> None:
    if version:
        import lcnet

        typer.echo(f"lcnet {lcnet.__version__}")
        raise typer.Exit()


@app.command()
def tasks() -> None:
    """List the tasks there are, and what each is held to."""
    width = max(len(name) for name in registry.REGISTRY)
    for name, entry in registry.REGISTRY.items():
        typer.echo(f"{name:{width}}  {entry.sentence}")
        if entry.reading_of:
            typer.echo(f"{'':{width}}  a reading of {entry.reading_of}: {', '.join(entry.sums)}")
        typer.echo(f"{'':{width}}  {entry.reference}")


@app.command()
def simulate(
    task: TaskName,
    n: Annotated[int, typer.Option("-n", "--number", min=1, help="How many examples.")],
    output: Annotated[Path, typer.Option("--output", metavar="F", help="The HDF5 file to write.")],
    seed: Seed = 0,
    jobs: Jobs = 1,
) -> None:
    """Write labelled simulated examples; the same seed gives the same ones on any number of processes."""
    with _plainly():
        from lcnet.core.simulation import simulate as run

        problem = _task(task)
        _writable(output)
        examples = run(problem, n, seed, jobs=jobs)
        examples.save(output)
        typer.echo(f"{len(examples)} examples of {problem.name} in {output}")


@app.command()
def train(
    task: TaskName,
    data: Data = None,
    number: Annotated[int, typer.Option("--simulate", metavar="N", min=0, help="Simulated examples to train on.")] = 0,
    further: Annotated[
        list[Path] | None,
        typer.Option("--extra", metavar="FILE", help="With --data: more examples, trained on only; may be repeated."),
    ] = None,
    seed: Seed = 0,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="F", help="A folder, or F.safetensors with F.training/; default: by task."),
    ] = None,
    members: Annotated[int, typer.Option("--members", min=1, help="Networks in the ensemble.")] = 3,
    epochs: Annotated[int, typer.Option("--epochs", min=1)] = 40,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1)] = 64,
    lr: Annotated[float, typer.Option("--lr", help="Highest learning rate.")] = 1e-3,
    patience: Annotated[int, typer.Option("--patience", min=1, help="Epochs without improvement.")] = 10,
    start: Annotated[
        str | None, typer.Option("--from", metavar="NET", help="A network, by name or path, to start from.")
    ] = None,
    freeze: Annotated[
        list[str] | None,
        typer.Option("--freeze", metavar="LAYER", help="With --from: keep this layer's weights; may be repeated."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue where the same command was stopped.")] = False,
    tiny: Annotated[bool, typer.Option("--tiny", help="The small network, to try things out.")] = False,
    release: Annotated[str, typer.Option("--release", help="Version of the network, for its card.")] = "1",
    about: Annotated[
        Path | None, typer.Option("--about", metavar="JSON", help="More for the card: intended_use, limits ...")
    ] = None,
    jobs: Jobs = 1,
    device: Device = None,
) -> None:
    """Train, calibrate and save an ensemble. With --data, simulated and extra examples join the training part only."""
    if data is None and number == 0:
        raise typer.BadParameter("nothing to train on: give --data FILE, --simulate N, or both")
    if further and data is None:
        raise typer.BadParameter("extra examples join those of --data FILE, which is not given", param_hint="--extra")
    if freeze and start is None:
        raise typer.BadParameter(
            "only weights that were trained are worth keeping: give --from NET", param_hint="--freeze"
        )
    with _plainly("`lcnet train ... --resume` continues from the last epoch"):
        problem = _task(task)
        name, folder, work = _places(output or Path("lcnet-" + problem.name.replace("/", "-")))
        examples = None if data is None else _open(data, problem)
        extra = [_open(path, problem) for path in further or ()]
        described = _json(about)
        from lcnet.core.ensemble import train as run
        from lcnet.core.examples import Examples
        from lcnet.core.network import load

        states = None
        if start is not None:
            states = load(start, task=None if start in registry.REGISTRY else problem).states()
        simulated = _simulated(problem, number, seed, jobs, work, resume) if number else None
        if examples is None:
            examples, simulated = simulated, None
        if simulated is not None:
            extra.append(simulated)
        network = run(
            problem,
            examples,
            folder=folder,
            name=name,
            checkpoints=work,
            extra=Examples.concatenate(extra) if extra else None,
            members=members,
            seed=seed,
            start=states,
            freeze=tuple(freeze or ()),
            resume=resume,
            tiny=tiny,
            version=release,
            about=described,
            command=_command(),
            epochs=epochs,
            batch_size=batch_size,
            lr=lr,
            patience=patience,
            device=device,
        )
        for key, value in network.card["metrics"].items():
            typer.echo(f"{key:30} {'-' if value is None else format(value, '.4f')}")
        typer.echo(f"saved {folder / (name or problem.name.rpartition('/')[2])}.safetensors and its card")


@app.command()
def evaluate(
    task: TaskName,
    data: Data = None,
    network: Annotated[
        str | None, typer.Option("--network", metavar="NET", help="Name or path; default: the shipped one.")
    ] = None,
    number: Annotated[int, typer.Option("--simulate", metavar="N", min=1, help="Without --data: how many.")] = 1000,
    split: Annotated[
        str | None,
        typer.Option(
            "--split", help="--data is a published archive: judge on what this split of it does not train on."
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FOLDER", help="With --split: write its curves there, a picture and tables."),
    ] = None,
    seed: Seed = 1,
    jobs: Jobs = 1,
    device: Device = None,
) -> None:
    """How well a network does on labelled examples, with 68% intervals over groups; simulated ones without --data.

    Simulated examples are never those that `lcnet train` or `lcnet simulate` draw from the same seed.
    """
    if network is None and task not in registry.REGISTRY and ":" in task:
        raise typer.BadParameter(f"no network is shipped for {task}: give --network NET")
    if split is not None:
        _judge_archive(task, network, data, split, report)
        return
    if report is not None:
        raise typer.BadParameter("the curves are those of a published archive: give --split", param_hint="--report")
    with _plainly():
        problem = _task(task)
        examples = None if data is None else _open(data, problem)
        from lcnet.core.ensemble import evaluate as run
        from lcnet.core.network import as_reading, load

        known = network is None or network in registry.REGISTRY
        judged = as_reading(load(task if network is None else network, task=None if known else problem), task)
        if examples is None:
            from lcnet.core.simulation import apart
            from lcnet.core.simulation import simulate as draw

            examples = draw(problem, number, apart(seed), jobs=jobs)
            typer.echo(f"simulated apart from training: seed {apart(seed)}, derived from --seed {seed}")
        elif examples.fingerprint() == (judged.card.get("data") or {}).get("fingerprint"):
            typer.echo("lcnet: warning: the network was trained on these very examples", err=True)
        found = run(judged, examples, device=device)
        typer.echo(f"{judged.card.get('name')} on {found.n} examples of {found.groups} groups")
        if examples.weight is not None:
            typer.echo("unweighted: every example counts once, whatever its weight")
        for key, interval in found.metrics.items():
            typer.echo(f"{key:30} {interval.value:8.4f}  [{interval.low:.4f}, {interval.high:.4f}]")


def _judge_archive(task: str, network: str | None, data: Path | None, split: str, report: Path | None) -> None:
    """What a science says of a network on a published archive, line by line."""
    entry = registry.REGISTRY.get(task)
    if entry is None or not entry.judge:
        raise typer.BadParameter(f"{task} has no published archive to be judged on", param_hint="--split")
    if split not in entry.splits:
        raise typer.BadParameter(f"{split!r} is none of {', '.join(entry.splits)}", param_hint="--split")
    if data is None:
        raise typer.BadParameter("name the archive with --data", param_hint="--split")
    with _plainly():
        if report is not None:
            _writable(report / "judgement.png")
        from importlib import import_module

        from lcnet.core.network import load

        module, _, attribute = entry.judge.partition(":")
        problem = _task(task)
        judged = load(network or task, task=None if network is None or network in registry.REGISTRY else problem)
        for line in getattr(import_module(module), attribute)(judged, data, split, report):
            typer.echo(line)


def main() -> None:
    """Entry point of the ``lcnet`` command."""
    app(prog_name="lcnet")


@contextmanager
def _plainly(advice: str = ""):
    """What goes wrong with files, names and settings is one sentence and exit status 1, not a traceback."""
    with warnings.catch_warnings():
        warnings.showwarning = _say_warning
        try:
            yield
        except (ValueError, OSError, FloatingPointError, RuntimeError) as error:
            if os.environ.get("LCNET_TRACEBACK"):
                raise
            typer.echo(f"lcnet: {' '.join(str(error).split())}", err=True)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            typer.echo("lcnet: interrupted" + (f"; {advice}" if advice else ""), err=True)
            raise typer.Exit(130) from None


def _say_warning(message, category, filename, lineno, file=None, line=None) -> None:
    typer.echo(f"lcnet: warning: {message}", err=True)


def _task(name: str):
    try:
        return registry.get_task(name)
    except registry.UnknownTask as error:
        raise typer.BadParameter(str(error), param_hint="TASK") from None
    except Exception as error:  # a module of the user's, which may raise anything
        if name in registry.REGISTRY:
            raise
        raise ValueError(f"importing {name} failed: {type(error).__name__}: {error}") from error


def _places(output: Path) -> tuple[str | None, Path, Path]:
    """The network's name, its folder, and the folder of what the training leaves; made if need be."""
    if output.suffix == ".safetensors":
        if output.is_dir():
            raise OSError(f"cannot write {output}: it is a folder")
        name, folder, work = output.stem, output.parent, output.with_suffix(".training")
    elif output.suffix[1:2].isalpha() and not output.is_dir():  # a folder may well be called net-1.2
        raise ValueError(f"--output {output}: give a folder, or a file that ends in .safetensors")
    else:
        name, folder, work = None, output, output
    for place in (folder, work):
        if place.exists() and not place.is_dir():
            raise OSError(f"cannot write into {place}: it is a file, not a folder")
        _writable(place / "any")
    return name, folder, work


def _open(path: Path, task):
    from lcnet.core.examples import Examples, ExamplesError

    if path.is_dir():
        raise ExamplesError(f"{path} is a folder, not a file of examples")
    try:
        return Examples.open(path).validate(task)
    except ExamplesError:
        raise
    except ValueError as error:
        raise ExamplesError(f"{path} does not fit {task.name}: {error}") from None


def _simulated(task, n: int, seed: int, jobs: int, folder: Path, resume: bool):
    from lcnet.core.examples import Examples
    from lcnet.core.simulation import simulate as run

    kept = folder / "simulated.h5"
    if resume and kept.exists():
        examples = Examples.open(kept, lazy=False)
        if (examples.attributes.get("task"), examples.attributes.get("seed"), len(examples)) == (task.name, seed, n):
            return examples
    examples = run(task, n, seed, jobs=jobs)
    examples.save(kept)
    return examples


def _writable(path: Path) -> None:
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise OSError(f"cannot write {path}: {folder} is not a folder") from None
    if path.is_dir() or not os.access(folder, os.W_OK):
        raise OSError(f"cannot write {path}")


def _json(path: Path | None) -> dict:
    if path is None:
        return {}
    import json

    try:
        found = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} must hold one JSON object")
    return found


def _command() -> str:
    # the card travels: names of files, not where they were on this disk
    def short(word: str) -> str:
        option, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
        return option + equals + (Path(value).name if os.path.isabs(value) else value)

    return " ".join(["lcnet", *map(short, sys.argv[1:])])
