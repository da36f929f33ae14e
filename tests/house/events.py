"""Events for the tests of the house: right in form, random in content."""

import numpy as np

from toymc.events import Clusters, EventBatch, KlmClusters, Reconstruction, Tracks
from toymc.streams import stream


def truth_batch(chunk: int = 0, n: int = 50) -> EventBatch:
    """A batch of `n` events with a few particles each, the same for the same chunk."""
    rng = stream(11, "house", "test", chunk)
    counts = rng.integers(0, 6, n)
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    rows = int(offsets[-1])
    columns = {name: rng.normal(size=rows) for name in ("px", "py", "pz", "x", "y", "z", "t")}
    return EventBatch(
        offsets=offsets,
        pdg=rng.choice(np.array([11, -11, 211, -211, 22], dtype=np.int32), rows),
        status=np.ones(rows, dtype=np.int32),
        mother=np.full(rows, -1, dtype=np.int32),
        mass=rng.random(rows),
        helicity=np.zeros(rows),
        weight=rng.random(n),
        event_id=np.arange(n, dtype=np.int64) + chunk * n,
        process="house",
        **columns,
    )


def reconstruction(chunk: int = 0, n: int = 30) -> Reconstruction:
    """A batch of `n` reconstructed events, the same for the same chunk."""
    rng = stream(12, "house", "test", chunk)

    def offsets() -> np.ndarray:
        return np.concatenate(([0], np.cumsum(rng.integers(0, 4, n)))).astype(np.int64)

    def integers(names: tuple[str, ...], rows: int) -> dict[str, np.ndarray]:
        return {name: rng.integers(0, 3, rows).astype(np.int32) for name in names}

    at = offsets()
    tracks = Tracks(
        offsets=at,
        **{name: rng.normal(size=at[-1]) for name in ("d0", "phi0", "omega", "z0", "tan_lambda", "px", "py", "pz")},
        cov=rng.random((at[-1], 15)),
        **integers(("charge", "n_pxd", "n_svd", "n_cdc", "truth"), at[-1]),
        pid_uniform=rng.random((at[-1], 4)),
        brems_energy=rng.random(at[-1]),
        ecl_energy=rng.random(at[-1]),
        **integers(("klm_region", "klm_expected", "klm_layers", "fate"), at[-1]),
    )
    at = offsets()
    clusters = Clusters(
        offsets=at,
        **{name: rng.random(at[-1]) for name in ("energy", "theta", "phi")},
        cov=rng.random((at[-1], 3)),
        **integers(("region", "truth", "in_time", "truth2"), at[-1]),
    )
    at = offsets()
    klm = KlmClusters(
        offsets=at, theta=rng.random(at[-1]), phi=rng.random(at[-1]), **integers(("layers", "truth"), at[-1])
    )
    truth = truth_batch(chunk, n)
    return Reconstruction(
        tracks=tracks,
        clusters=clusters,
        klm=klm,
        truth=truth,
        fate=rng.integers(0, 11, truth.n_particles).astype(np.int32),
        n_generated=(truth.counts - (truth.counts > 3)).astype(np.int32),
        trigger=rng.integers(0, 2**63, n).astype(np.uint64),
        trigger_weight=rng.random(n),
        weight=truth.weight,
        event_id=truth.event_id,
        process="house",
    )
