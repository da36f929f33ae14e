"""Fixtures of the house."""

import pytest

from toymc.cli import main as entry


@pytest.fixture
def toymc_says(capsys):
    """Run a command line in this process; give back exit code, standard output, standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = entry.run([str(a) for a in arguments])
        streams = capsys.readouterr()
        return code, streams.out, streams.err

    return run
