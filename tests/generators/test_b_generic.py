"""Generic B decays: the pool and whole events, against Pythia 8 run directly and against its own table."""

import os
import re
import threading
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tests.generators.b_probe import four, generate, seen_from
from toymc import constants
from toymc.constants import mass
from toymc.errors import InputError, ToymcError
from toymc.generators import cache, pythia_batch
from toymc.generators.b_meson import pool
from toymc.generators.b_meson.inputs import B_PLUS, B_ZERO, number
from toymc.generators.b_meson.measured import measured_decays
from toymc.generators.b_meson.mixing import chi_d
from toymc.generators.b_meson.pool import decay_pool, effective_pool
from toymc.generators.b_meson.pythia_decays import antiparticle, b_decays, branching_fractions, pythia_settings
from toymc.generators.b_meson.signal import _conjugate_code
from toymc.generators.processes import prepare
from toymc.generators.pythia_batch import PythiaRun, run_pythia
from toymc.streams import stream

pythia8mc = pytest.importorskip("pythia8mc")
N = 3000


@pytest.fixture(scope="module")
def decays():
    return b_decays(11, N, 0.5, 0.5)


def owners(decays):
    return np.repeat(np.arange(len(decays)), np.diff(decays.offsets))


def test_decays_at_rest_conserve_four_momentum_and_charge(decays):
    own = owners(decays)
    top = decays.mother < 0
    p = decays.reals[:3]
    e = np.sqrt(np.sum(decays.reals[:4] ** 2, axis=0))
    m = np.where(decays.species == B_PLUS, mass(B_PLUS), mass(B_ZERO))
    for rows in (top, decays.status == 1):
        for k in range(3):
            assert np.abs(np.bincount(own[rows], p[k, rows], len(decays))).max() < 1e-13
        assert np.abs(np.bincount(own[rows], e[rows], len(decays)) - m).max() < 1e-13
        codes, where = np.unique(decays.pdg[rows], return_inverse=True)
        charge = np.array([constants.charge(int(c)) for c in codes])[where]
        expected = np.where(decays.species == B_PLUS, 1.0, 0.0)
        np.testing.assert_allclose(np.bincount(own[rows], charge, len(decays)), expected, atol=1e-9)
    # daughters start where the meson decays
    assert np.abs(decays.reals[4:, top]).max() == 0.0
    assert np.all(decays.mother < np.arange(len(own)) - decays.offsets[own])
    assert np.array_equal(decays.species[::2], decays.species[1::2])


def table_of_pythia(code):
    """Decays of a particle in ParticleData.xml, without those that hold quarks, by daughters, and the sum that is left
    of all of them beside the measured ones."""
    found = [p for p in Path(pythia8mc.__file__).parents[3].glob("share/Pythia8/xmldoc/ParticleData.xml")]
    if not found:
        pytest.skip("ParticleData.xml of the wheel not found")
    block = re.search(rf'<particle id="{code}".*?</particle>', found[0].read_text(), re.S).group(0)
    measured = {tuple(sorted(map(abs, products))) for products, _, _ in measured_decays(code)}
    table, kept = {}, 0.0
    for mode, share, products in re.findall(r'onMode="(\d)" bRatio="([\d.e-]+)".*?products="([^"]+)"', block, re.S):
        daughters = tuple(sorted(int(c) for c in products.split()))
        if tuple(sorted(map(abs, daughters))) in measured:
            continue
        # 1: both, 2 and 3: particle or antiparticle alone
        kept += float(share) * {"1": 1.0, "2": 0.5, "3": 0.5}.get(mode, 0.0)
        parton = any(abs(c) <= 6 or abs(c) == 21 or (abs(c) > 1000 and abs(c) // 10 % 10 == 0) for c in daughters)
        if mode in "12" and not parton and 20413 not in np.abs(daughters):
            table[daughters] = table.get(daughters, 0.0) + float(share)
    return table, kept


@pytest.mark.parametrize("species", [B_PLUS, B_ZERO])
def test_branching_fractions_of_the_pool(species):
    """The most frequent modes of the pool against the table that Pythia reads: no bug in picking daughters or in CP."""
    decays = decay_pool(species)
    assert len(decays) == number("pool", "decays")
    assert np.all(decays.species == species)
    found, (table, kept) = branching_fractions(decays), table_of_pythia(species)
    assert kept == pytest.approx(number("decays", "kept_plus" if species == B_PLUS else "kept_zero"), rel=1e-5)
    added = {tuple(sorted(products)): share for products, share, _ in measured_decays(species)}
    scale = (1.0 - sum(added.values())) / kept
    table = {modes: scale * share for modes, share in table.items()} | added
    # what the PDG table has not (D_1(2430)+) hands its daughters on
    table = {modes: share for modes, share in table.items() if 20413 not in np.abs(modes)}
    common = [(modes, share) for modes, share in table.items() if share > 0.004]
    assert len(common) > 20
    n = len(decays)
    pulls = []
    for modes, share in common:
        seen = found.get(modes, 0.0)
        # quark-level decays can end in the same daughters: they add, by little
        pulls.append((seen - share) / np.sqrt(share * (1.0 - share) / n))
    assert np.median(np.abs(pulls)) < 1.5
    assert min(pulls) > -4.5


def test_measured_decays_are_those_of_the_card_of_the_experiment():
    """Semileptonic B+ decays by isospin against DECAY_BELLE2.DEC, which has the average of both for each [R]."""
    card = {(-423,): 0.0549, (-421,): 0.0231, (-10423,): 0.00757, (-10421,): 0.00389, (-20423,): 0.00431,
            (-425,): 0.00373, (-413, 211): 0.0010, (-411, 211): 0.0010, (-421, -211, 211): 0.00023}  # fmt: skip
    ours = {products[2:]: share for products, share, _ in measured_decays(B_PLUS) if products[0] == 12}
    for products, expected in card.items():
        assert ours[tuple(products)] == pytest.approx(expected, rel=0.02), products
    for species, inclusive in ((B_PLUS, 0.1099), (B_ZERO, 0.1033)):
        light = sum(share for products, share, _ in measured_decays(species) if products[0] == 12)
        # charmless ones are about 2e-3
        assert light + 0.002 == pytest.approx(inclusive, rel=0.03)
        tau = sum(share for products, share, _ in measured_decays(species) if products[0] == 16)
        assert 0.023 < tau < 0.030


def test_inclusive_numbers_of_the_pool_are_near_the_measured_ones():
    """Mean of B+ and B0 against averages of Y(4S) data (PDG, remembered): what Pythia's table is good for."""
    measured = {211: (3.58, 0.15), 321: (0.789, 0.10), 311: (0.64, 0.15), 2212: (0.080, 0.30), 221: (0.176, 0.25),
                421: (0.616, 0.20), 411: (0.231, 0.50), 431: (0.083, 0.60), 443: (0.0109, 0.20)}  # fmt: skip
    seen = dict.fromkeys(measured, 0.0)
    for species in (B_PLUS, B_ZERO):
        decays = decay_pool(species)
        owner = np.repeat(decays.offsets[:-1], np.diff(decays.offsets))
        mother = np.where(decays.mother >= 0, np.abs(decays.pdg[owner + np.maximum(decays.mother, 0)]), 0)
        for code in measured:
            # pions of K_S are not counted
            seen[code] += 0.5 * np.count_nonzero((np.abs(decays.pdg) == code) & (mother != 310)) / len(decays)
    for code, (value, allowed) in measured.items():
        assert seen[code] == pytest.approx(value, rel=allowed), code


def direct(charged, neutral, n, seed):
    """Momenta of long-lived particles in the frames of their B, by a plain loop over Pythia's record."""
    settings = pythia_settings(charged, neutral)
    from toymc.generators.b_meson.pythia_decays import _event_file

    c = run_pythia(PythiaRun(settings, seed, n, _event_file()))
    out = {code: [] for code in (211, 321, 11, 13, 22, 2212)}
    first = np.concatenate(([0], np.cumsum(c["counts"])))
    for i in range(n):
        a = first[i]
        for row in range(a, first[i + 1]):
            code = abs(int(c["id"][row]))
            if c["status"][row] <= 0 or code not in out:
                continue
            up = row
            while abs(int(c["id"][up])) not in (B_PLUS, B_ZERO):
                up = a + c["mother1"][up]
            b, p = (np.array([c[k][r] for k in ("px", "py", "pz", "m")]) for r in (up, row))
            eb, ep = np.sqrt(np.sum(b**2)), np.sqrt(np.sum(p**2))
            energy = (eb * ep - np.dot(b[:3], p[:3])) / b[3]
            out[code].append(np.sqrt(max(energy**2 - p[3] ** 2, 0.0)))
    return {code: np.array(values) for code, values in out.items()}


def momenta(batch):
    """Momenta of final particles in the frames of their B+, by code."""
    final = np.flatnonzero(batch.status == 1)
    up = final.copy()
    base = batch.offsets[batch.event_index]
    while True:
        more = (batch.mother[up] > 0) & ~np.isin(np.abs(batch.pdg[up]), (B_PLUS, B_ZERO))
        if not more.any():
            break
        up[more] = base[up[more]] + batch.mother[up[more]]
    of_b = np.abs(batch.pdg[up]) == B_PLUS
    final, up = final[of_b], up[of_b]
    p = np.linalg.norm(seen_from(four(batch, final), four(batch, up))[:, :3], axis=1)
    return {code: p[np.abs(batch.pdg[final]) == code] for code in (211, 321, 11, 13, 22, 2212)}


def test_spectra_against_pythia_run_directly():
    """Momentum in the frame of the B of what reaches the detector, after the whole chain to the lab and back."""
    n = 3000
    found = momenta(generate("b_generic", {"pair": "charged"}, n)[1])
    theirs = direct(1.0, 0.0, n, 77)
    for code, reference in theirs.items():
        ours = found[code]
        # counts per event: their spread is not Poisson, bound it by three times that
        assert abs(len(ours) - len(reference)) < 4.0 * np.sqrt(3.0 * 2.0 * len(reference)), code
        assert stats.ks_2samp(ours, reference).pvalue > 1e-5, code


def test_whole_events(decays):
    prepared, batch = generate("b_generic", {}, 4000)
    batch.validate()
    first = batch.offsets[:-1]
    neutral = np.abs(batch.pdg[first + 1]) == B_ZERO
    share = prepared.neutral / (prepared.charged + prepared.neutral)
    assert neutral.mean() == pytest.approx(share, abs=4.0 * 0.5 / np.sqrt(4000))
    same = batch.pdg[first + 1] == batch.pdg[first + 2]
    assert not np.any(same & ~neutral)
    assert same[neutral].mean() == pytest.approx(chi_d(), abs=4.0 * np.sqrt(0.15 / neutral.sum()))
    assert prepared.cross_section_fb == pytest.approx(1.048e6)
    only, _ = generate("b_generic", {"pair": "neutral"}, 10)
    assert only.cross_section_fb == pytest.approx(1.048e6 * share)


def test_semileptonic_charge_follows_the_flavour():
    """A B0 decays to l+, a B0bar to l-: flavour, CP conjugation and mixing agree with each other."""
    _, batch = generate("b_generic", {"pair": "neutral"}, 4000)
    base = batch.offsets[batch.event_index]
    lepton = np.isin(np.abs(batch.pdg), (11, 13)) & (batch.mother > 0)
    lepton &= np.abs(batch.pdg[base + np.maximum(batch.mother, 0)]) == B_ZERO
    rows = np.flatnonzero(lepton)
    mother = batch.pdg[base[rows] + batch.mother[rows]]
    meson = base[rows] + batch.mother[rows]
    single = np.bincount(meson, minlength=batch.n_particles)[meson] == 1
    assert np.array_equal(np.sign(batch.pdg[rows][single]), -np.sign(mother[single]))
    same = batch.pdg[batch.offsets[:-1] + 1] == batch.pdg[batch.offsets[:-1] + 2]
    assert same.any()


def test_tag_side_of_signal_events_is_the_pool():
    _, batch = generate("b_k_scalar", {}, 6000)
    kept = decay_pool(B_PLUS)
    tag = np.flatnonzero(batch.mother == 2)
    found = np.bincount(batch.event_index[tag], minlength=batch.n_events).mean()
    expected = np.bincount(owners(kept)[kept.mother < 0], minlength=len(kept))
    error = expected.std() * np.sqrt(1.0 / 6000 + 1.0 / len(kept))
    assert found == pytest.approx(expected.mean(), abs=4.0 * error)
    # isotropic in its own frame, whatever the pool holds
    first = np.unique(batch.event_index[tag], return_index=True)[1]
    p = seen_from(four(batch, tag[first]), four(batch, batch.offsets[:-1] + 2))
    cosine = p[:, 2] / np.linalg.norm(p[:, :3], axis=1)
    assert stats.kstest(cosine, stats.uniform(-1.0, 2.0).cdf).pvalue > 1e-4
    assert np.all(batch.status[batch.offsets[:-1] + 2] == 2)


def test_size_of_the_pool_is_stated():
    assert effective_pool(10**9) == pytest.approx(number("pool", "decays"), rel=1e-3)
    assert effective_pool(100, size=10**9) == pytest.approx(100.0)
    # the variance of a mean over draws with replacement, by simulation
    rng = stream(1, "pool", "test", 0)
    means = [rng.normal(size=200)[rng.integers(0, 200, 300)].mean() for _ in range(4000)]
    assert 1.0 / np.var(means) == pytest.approx(effective_pool(300, size=200), rel=0.1)


def test_conjugation_is_that_of_the_pdg(decays):
    from particle import Particle

    for code in (int(c) for c in np.unique(decays.pdg)):
        expected = int(Particle.from_pdgid(code).invert().pdgid)
        assert antiparticle(code) == _conjugate_code(code) == expected, code
    for code in (22, 54, 32, 130, 310, 443, 111):
        assert _conjugate_code(code) == code == antiparticle(code)


def test_worker_threads_make_the_same_events(monkeypatch):
    monkeypatch.setenv("TOYMC_CACHE_GB", "0")
    prepared = prepare("b_generic", {})
    here = prepared.generate(stream(2, "b_generic", "test", 0), 60)
    there = []
    thread = threading.Thread(target=lambda: there.append(prepared.generate(stream(2, "b_generic", "test", 0), 60)))
    thread.start()
    thread.join()
    assert np.array_equal(here.px, there[0].px)
    assert np.array_equal(here.x, there[0].x)


def test_a_study_pays_once(monkeypatch, tmp_path):
    monkeypatch.setenv("TOYMC_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("TOYMC_CACHE_GB", "1")
    prepared, continuum = prepare("b_generic", {}), prepare("continuum", {})
    made = [p.generate(stream(2, p.name, "test", 0), 40) for p in (prepared, continuum)]
    kept = sorted(tmp_path.rglob("*.npz"))
    assert len(kept) == 2

    def never(run):
        raise AssertionError("Pythia was started again")

    monkeypatch.setattr("toymc.generators.b_meson.pythia_decays.run_pythia", never)
    monkeypatch.setattr(pythia_batch, "run_pythia", never)
    again = [p.generate(stream(2, p.name, "test", 0), 40) for p in (prepared, continuum)]
    for a, b in zip(made, again, strict=True):
        assert np.array_equal(a.px, b.px) and np.array_equal(a.pdg, b.pdg) and np.array_equal(a.t, b.t)
    # other seed, other number: not the same content
    with pytest.raises(AssertionError, match="started again"):
        prepared.generate(stream(3, "b_generic", "test", 0), 40)
    with pytest.raises(AssertionError, match="started again"):
        prepared.generate(stream(2, "b_generic", "test", 0), 41)


def test_without_pythia_one_line(monkeypatch):
    pool._pool.cache_clear()
    monkeypatch.setattr(pythia_batch, "pythia_available", lambda: False)
    for act in (
        lambda: prepare("b_generic", {}).generate(stream(1, "x", "test", 0), 5),
        lambda: prepare("continuum", {}).generate(stream(1, "x", "test", 0), 5),
        lambda: prepare("b_k_scalar", {}).generate(stream(1, "x", "test", 0), 5),
        lambda: b_decays(4, 5),
    ):
        with pytest.raises(ToymcError, match="needs Pythia 8: pip install") as error:
            act()
        assert "\n" not in str(error.value)
    # the signal side alone needs nothing
    prepare("b_k_scalar", {"other": "none"}).generate(stream(1, "x", "test", 0), 5)


def test_bad_input():
    with pytest.raises(InputError, match="pool of decays of particle 531"):
        decay_pool(531)
    with pytest.raises(InputError, match="seed 0"):
        b_decays(0, 5)
    with pytest.raises(InputError, match="-1 events"):
        b_decays(1, -1)
    with pytest.raises(InputError, match="shares 0.0 and 0.0"):
        b_decays(1, 5, 0.0, 0.0)
    with pytest.raises(InputError, match="pair = charged with f_charged = 0"):
        prepare("b_generic", {"pair": "charged", "f_charged": 0.0})
    with pytest.raises(InputError, match="0 events"):
        prepare("b_generic", {}).generate(stream(1, "x", "test", 0), 0)
    with pytest.raises(InputError, match="pair = 'strange'"):
        prepare("b_generic", {"pair": "strange"})
    with pytest.raises(InputError, match="refuses the setting"):
        run_pythia(PythiaRun(("No:such = on",), 1, 1))
    with pytest.raises(InputError, match="-1 events from a pool"):
        effective_pool(-1)


def test_cache_keeps_within_its_limits(monkeypatch, tmp_path):
    monkeypatch.setenv("TOYMC_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("TOYMC_CACHE_GB", "0.001")
    made = []

    def build(k):
        made.append(k)
        return {"x": np.full(50_000, float(k))}  # 0.4 MB: two fit

    for k in range(4):
        assert cache.cached_arrays("t", [str(k)], lambda k=k: build(k))["x"][0] == k
        for age, file in enumerate(sorted(tmp_path.rglob("*.npz"), key=lambda f: f.stat().st_mtime)):
            os.utime(file, (1e9 + age, 1e9 + age))
    assert len(list(tmp_path.rglob("*.npz"))) == 2
    assert cache.cached_arrays("t", ["3"], lambda: build(3))["x"][0] == 3
    assert made == [0, 1, 2, 3]
    # a damaged file is made again
    file = cache.cache_file("t", ["3"])
    file.write_bytes(file.read_bytes()[:1000])
    assert cache.cached_arrays("t", ["3"], lambda: build(3))["x"][0] == 3
    assert made[-1] == 3 and len(made) == 5
    assert not list(tmp_path.rglob("*.part"))
    # too large to keep, switched off, not writable: the arrays come all the same
    assert len(cache.cached_arrays("t", ["big"], lambda: {"x": np.zeros(200_000)})["x"]) == 200_000
    assert not cache.cache_file("t", ["big"]).exists()
    monkeypatch.setenv("TOYMC_CACHE_DIR", str(file))
    assert cache.cached_arrays("t", ["9"], lambda: build(9))["x"][0] == 9
    monkeypatch.setenv("TOYMC_CACHE_GB", "much")
    with pytest.raises(InputError, match="TOYMC_CACHE_GB = 'much'"):
        cache.cached_arrays("t", ["9"], lambda: build(9))
