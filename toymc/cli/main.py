"""Entry point of the command line: loads a command's module when it is called, and turns errors into one line.

Exit codes: 0 done, 2 something given to toymc was wrong (one line says what), 130 interrupted, 1 a defect of toymc.
"""

import importlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any, NoReturn

import click

import toymc
from toymc.errors import ToymcError


class LazyGroup(click.Group):
    """A group whose commands live in modules that are imported when the command is called.

    Parameters
    ----------
    lazy : mapping
        Command name -> ("module:attribute", short help for the list of commands).
    """

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._lazy:
            return None
        module, attribute = self._lazy[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self._lazy and not args[0].startswith("-"):
            raise click.UsageError(f"unknown command '{args[0]}': allowed are {', '.join(self._lazy)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self._lazy.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Example: toymc study run tau_l_alpha --scale 0.1 --out tau_l_alpha",
    lazy={
        "study": ("toymc.cli.study:study", "Repeat a published search: list, run."),
        "dataset": ("toymc.cli.dataset:dataset", "Draw a pseudo-dataset as data would look, with or without signal."),
        "process": ("toymc.cli.process:process", "What can be generated: list, show with cross-section."),
        "model": ("toymc.cli.model:model", "Width, lifetime, branching fractions of a particle that is searched for."),
        "generate": ("toymc.cli.events:generate", "Generate truth events into an HDF5 file."),
        "simulate": ("toymc.cli.events:simulate", "Send generated events through a detector."),
        "inspect": ("toymc.cli.events:inspect", "What an event file holds."),
        "convert": ("toymc.cli.convert:convert", "Event files of toymc, LHE and HepMC3 into one another."),
        "display": ("toymc.cli.display:display", "Draw one simulated event over the layers of the detector."),
        "detector": ("toymc.cli.detector:detector", "Performance of a detector card."),
        "limit": ("toymc.cli.limit:limit", "Upper limits from counts or from a pyhf workspace."),
        "fit": ("toymc.cli.fit:fit", "Fit a pyhf workspace: pulls, impacts, correlations, goodness of fit."),
        "significance": ("toymc.cli.significance:significance", "Global significance of the largest excess of a scan."),
        "cite": ("toymc.cli.cite:cite", "BibTeX of everything that entered a run."),
        "doctor": ("toymc.cli.doctor:doctor", "Versions, cache folders, compiled kernels."),
    },
)
@click.version_option(toymc.__version__, prog_name="toymc", message="%(prog)s %(version)s")
def cli() -> None:
    """Fast toy Monte Carlo for Belle II and Belle: generate, simulate, select, set limits."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program name; those of the process if not given.

    Raises
    ------
    SystemExit
        Always, with the exit code.
    """
    previous = signal.signal(signal.SIGTERM, _on_terminate)
    try:
        code = run(arguments)
    finally:
        signal.signal(signal.SIGTERM, previous)
    sys.exit(code)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code; every error is one line on stderr."""
    try:
        try:
            code = cli.main(args=arguments, prog_name="toymc", standalone_mode=False)
            sys.stdout.flush()
            return code if isinstance(code, int) else 0
        except BaseException:
            if os.environ.get("TOYMC_TRACEBACK"):
                import traceback

                traceback.print_exc()
            raise
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        return 2
    except click.UsageError as error:
        hint = f" (see '{error.ctx.command_path} --help')" if error.ctx else ""
        return _fail(error.format_message() + hint)
    except click.ClickException as error:
        return _fail(error.format_message())
    except ToymcError as error:
        return _fail(_with_notes(error))
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted", 130)
    except BrokenPipeError:
        _drop_stdout()
        return 0
    except OSError as error:
        _drop_stdout()
        where = f" {error.filename}" if error.filename else ""
        return _fail(f"cannot read or write{where}: {error.strerror or error}")
    except MemoryError:
        return _fail("not enough memory: ask for fewer workers (--workers)")
    except Exception as error:
        # not the user's doing: say so, and how to see more
        text = f"internal error, please report it: {type(error).__name__}: {_with_notes(error)}"
        return _fail(f"{text} (TOYMC_TRACEBACK=1 shows where)", 1)


def _with_notes(error: BaseException) -> str:
    notes = getattr(error, "__notes__", [])
    return f"{error}" + (f" ({'; '.join(notes)})" if notes else "")


def _fail(message: str, code: int = 2) -> int:
    line = " ".join(message.split())
    try:
        click.echo(f"toymc: error: {line}", err=True)
    except OSError:
        pass  # nobody listens
    return code


def _drop_stdout() -> None:
    """Stop the interpreter from flushing a broken or full stdout again at exit."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        pass  # not a real file (under a test runner): nothing will be flushed


def _on_terminate(number: int, frame: FrameType | None) -> NoReturn:
    """SIGTERM ends like an interrupt, so that temporary files are removed."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
