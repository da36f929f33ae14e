"""`toymc limit`: upper limits without a study."""

import click

from toymc.cli.limit_counting import counting
from toymc.cli.limit_workspace import workspace


@click.group(epilog="Example: toymc limit counting --observed 2 --background 1.3")
def limit() -> None:
    """Upper limits from counts or from a pyhf workspace."""


limit.add_command(counting)
limit.add_command(workspace)
