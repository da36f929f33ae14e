"""`toymc display`: one event of a simulated file as a picture."""

from pathlib import Path

import click

from toymc.cli.common import Count
from toymc.errors import InputError

FORMATS = (".png", ".pdf", ".svg")


@click.command(epilog="Example: toymc display reconstructed.h5 --event 12 --out event12.pdf")
@click.argument("file")
@click.option("--event", type=Count(0), required=True, help="Place of the event in the file, from 0.")
@click.option("--out", metavar="PICTURE", help="A .png, .pdf or .svg file.  [default: FILE_eventK.png]")
@click.option("--detector", "card", help="Another card to draw; then without pairs.  [default: the card of FILE]")
def display(file: str, event: int, out: str | None, card: str | None) -> None:
    """Draw one event of FILE, which `toymc simulate` wrote, over the layers of its detector.

    Transverse and lengthwise views at three scales: true particles (dashed, neutral ones dotted), tracks with their
    hits, clusters as bars, pairs of tracks with a common vertex, layers hit in the muon detector.
    """
    from toymc.detector import build_detector
    from toymc.events import EventBatch
    from toymc.geometry import load_card
    from toymc.io.event_file import EventFile
    from toymc.io.outputs import atomic_file, check_file
    from toymc.plotting.display import event_display, pairs
    from toymc.plotting.style import style

    target = Path(out) if out else Path(f"{Path(file).stem}_event{event}.png")
    if target.suffix.lower() not in FORMATS:
        raise InputError(f"cannot draw {target}: give a name that ends in {', '.join(FORMATS)}")
    check_file(target)
    with EventFile(file) as events:
        if event >= events.n_events:
            raise InputError(f"there is no event {event} in {file}: give 0 to {events.n_events - 1}")
        one, own = events.read(event, event + 1), events.metadata.card
    if isinstance(one, EventBatch):
        raise InputError(f"{file} holds generated events: send them through a detector first (toymc simulate)")
    detector = build_detector(load_card(card or own))
    # pairs are looked for with the layers that made the hits
    candidates = pairs(one, detector) if card in (None, own) else None
    figure = event_display(one, detector, 0, candidates, f"event {event} of {Path(file).name}")
    metadata: dict[str, dict[str, str | None]] = {
        ".png": {"Software": None},
        ".pdf": {"Creator": None, "Producer": None, "CreationDate": None},
        ".svg": {"Date": None, "Creator": None},
    }
    form = target.suffix.lower()
    with atomic_file(target) as temporary, style():
        figure.savefig(temporary, dpi=130, format=form[1:], metadata=metadata[form])
    click.echo(str(target))
