"""Bad models are refused where they are built, with channel, sample, bin and value named."""

import math

import pytest

from toymc.errors import InputError
from toymc.inference import (
    Channel,
    HistoSys,
    Likelihood,
    Luminosity,
    Model,
    NormFactor,
    NormSys,
    Parameter,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
)

MU = NormFactor("mu")
SIGNAL = Sample("s", [1.0, 2.0], (MU,))


def build(*samples, observed=None, settings=(), poi="mu", signal=SIGNAL):
    return Model([Channel("sr", (signal, *samples), observed)], poi, settings)


BAD = {
    "no channels": (lambda: Model([], "mu"), "the model has no channels"),
    "no samples": (lambda: Model([Channel("sr", ())], "mu"), "channel 'sr' has no samples"),
    "no bins": (lambda: build(signal=Sample("s", [], (MU,))), "channel 'sr', sample 's': no bins"),
    "negative": (lambda: build(Sample("b", [3.0, -0.5])), "channel 'sr', sample 'b', bin 1: the yield is -0.5"),
    "nan": (lambda: build(Sample("b", [math.nan, 1.0])), "channel 'sr', sample 'b', bin 0: the yield is nan"),
    "infinite": (lambda: build(Sample("b", [1.0, math.inf])), "sample 'b', bin 1: the yield is inf"),
    "binning": (lambda: build(Sample("b", [1.0])), r"sample 'b': the yield has shape \(1,\), the channel has 2 bins"),
    "empty bin": (lambda: build(signal=Sample("s", [1.0, 0.0], (MU,))), "bin 1: every sample expects 0 events"),
    "zero signal": (
        lambda: build(Sample("b", [1.0, 1.0]), signal=Sample("s", [0.0, 0.0], (MU,))),
        "channel 'sr', sample 's': the signal scaled by 'mu' is 0 in every bin",
    ),
    "template": (
        lambda: build(Sample("b", [1.0, 1.0], (HistoSys("t", [1.0, 1.0], [1.0]),))),
        r"sample 'b', modifier 't': the \+1 sigma template has shape \(1,\)",
    ),
    "template value": (
        lambda: build(Sample("b", [1.0, 1.0], (HistoSys("t", [1.0, -2.0], [1.0, 1.0]),))),
        "modifier 't', bin 1: the -1 sigma template is -2",
    ),
    "error": (
        lambda: build(Sample("b", [1.0, 1.0], (StatError("g", [0.1, math.nan]),))),
        "modifier 'g', bin 1: the error is nan",
    ),
    "factor": (
        lambda: build(Sample("b", [1.0, 1.0], (NormSys("k", 0.0, 1.1),))),
        "modifier 'k': lo = 0; the factor must be finite and positive",
    ),
    "poi": (lambda: build(poi="nu"), r"parameter of interest 'nu' is used by no modifier; the parameters are \['mu'\]"),
    "poi fixed": (lambda: build(settings=(Parameter("mu", fixed=True),)), "the parameter of interest 'mu' is fixed"),
    "poi per bin": (
        lambda: build(Sample("b", [1.0, 1.0], (ShapeFactor("f"),)), poi="f"),
        r"'f' is a shapefactor \(one per bin\)",
    ),
    "double sample": (lambda: build(SIGNAL), "channel 'sr': two samples are called 's'"),
    "double channel": (
        lambda: Model([Channel("sr", (SIGNAL,)), Channel("sr", (SIGNAL,))], "mu"),
        "two channels are called 'sr'",
    ),
    "double modifier": (
        lambda: build(Sample("b", [1.0, 1.0], (NormSys("k", 0.9, 1.1), NormSys("k", 0.9, 1.1)))),
        "sample 'b': normsys 'k' is there twice",
    ),
    "clash": (
        lambda: build(Sample("b", [1.0, 1.0], (NormSys("mu", 0.9, 1.1),))),
        "'mu' is used as normsys and as normfactor",
    ),
    "shared shapesys": (
        lambda: build(*(Sample(n, [1.0, 1.0], (ShapeSys("g", [0.1, 0.1]),)) for n in "ab")),
        "sample 'b': shapesys 'g' is used twice",
    ),
    "lumi": (lambda: build(Sample("b", [1.0, 1.0], (Luminosity(),))), "parameter 'lumi': a luminosity modifier needs"),
    "unused": (lambda: build(settings=(Parameter("x"),)), "settings for parameter 'x', which no modifier uses"),
    "bounds": (
        lambda: build(settings=(Parameter("mu", bounds=((3.0, 1.0),)),)),
        r"parameter 'mu': bounds \(3, 1\); the lower must be below",
    ),
    "start": (
        lambda: build(settings=(Parameter("mu", inits=(20.0,)),)),
        r"parameter 'mu' starts at 20, outside its bounds \(0, 10\)",
    ),
    "components": (
        lambda: build(settings=(Parameter("mu", inits=(1.0, 1.0)),)),
        "parameter 'mu': inits has 2 entries, the parameter has 1",
    ),
    "sigma": (
        lambda: build(settings=(Parameter("mu", sigmas=(0.1,)),)),
        "parameter 'mu': sigmas are given, but it has no Gaussian constraint",
    ),
    "observed": (lambda: build(observed=[1.0, -3.0]), "channel 'sr', bin 1: the observed count is -3"),
    "observed length": (lambda: build(observed=[1.0]), r"channel 'sr': the observed count has shape \(1,\)"),
    "text": (lambda: build(Sample("b", ["x", 1.0])), "sample 'b', the yield: .* is not a list of numbers"),
    "ragged": (lambda: build(Sample("b", [[1.0], [2.0, 3.0]])), "sample 'b', the yield: .* is not a list of numbers"),
    "observed text": (
        lambda: build(observed=["a", 2]),
        "channel 'sr', the observed count: .* is not a list of numbers",
    ),
    "template text": (lambda: HistoSys("k", ["a"], [1.0]), "modifier 'k', the -1 sigma template: .* is not a list"),
    "normsys text": (lambda: build(Sample("b", [1.0, 1.0], (NormSys("k", "a", 1.0),))), "modifier 'k': lo = a"),
    "not a modifier": (lambda: build(Sample("b", [1.0, 1.0], ("k",))), "sample 'b': 'k' is not a modifier"),
    "not a sample": (lambda: build("x"), "channel 'sr': 'x' is not a Sample"),
    "not a channel": (lambda: Model(["x"], "mu"), "'x' is not a Channel with a name"),
    "no sample name": (lambda: build(Sample("", [1.0, 1.0])), "channel 'sr': a sample without a name"),
    "bounds of one number": (
        lambda: build(settings=(Parameter("mu", bounds=(1.0, 2.0)),)),
        "parameter 'mu': bounds 1.0; give one pair",
    ),
    "bounds nan": (
        lambda: build(settings=(Parameter("mu", bounds=((math.nan, 1.0),)),)),
        r"parameter 'mu': bounds \(nan, 1\)",
    ),
    "half observed": (
        lambda: Model([Channel("a", (SIGNAL,), [1.0, 1.0]), Channel("b", (SIGNAL,))], "mu"),
        r"only \['a'\] of the channels \['a', 'b'\] have observed counts",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_models_are_refused(case):
    make, message = BAD[case]
    with pytest.raises(InputError, match=message):
        make()


def test_bad_data_are_refused():
    likelihood = Likelihood(build(Sample("b", [3.0, 3.0])))
    for data, message in (
        ({}, "channel 'sr': observed counts are missing"),
        ({"sr": [1.0]}, "has shape"),
        ({"sr": [1.0, math.nan]}, "bin 1: the observed count is nan"),
        ({"sr": [1.0, 1.0], "cr": [1.0]}, "channel 'cr', which the model does not have"),
        (None, "the model has no observed counts"),
    ):
        with pytest.raises(InputError, match=message):
            likelihood.data(data)


def test_not_a_workspace():
    for workspace in ({}, {"measurements": []}, {"measurements": [{"name": "m"}], "observations": [], "channels": [1]}):
        with pytest.raises(InputError, match="workspace"):
            Model.from_pyhf(workspace)
    good = build(Sample("b", [3.0, 3.0])).to_pyhf()
    with pytest.raises(InputError, match=r"no measurement 'other'; it has \['measurement'\]"):
        Model.from_pyhf(good, "other")
    good["observations"] = []
    with pytest.raises(InputError, match="the workspace has no observation"):
        Model.from_pyhf(good)


def test_two_observations_of_one_channel():
    spec = build(Sample("b", [3.0, 3.0]), observed=[1.0, 2.0]).to_pyhf()
    spec["observations"].append({"name": "sr", "data": [1.0, 5.0]})
    with pytest.raises(InputError, match="two observations for one channel"):
        Model.from_pyhf(spec)


def test_components_fixed_in_part():
    spec = build(Sample("b", [3.0, 3.0], (ShapeFactor("f"),)), observed=[1.0, 2.0]).to_pyhf()
    spec["measurements"][0]["config"]["parameters"].append({"name": "f", "fixed": [True, False]})
    with pytest.raises(InputError, match=r"parameter 'f': fixed = \[True, False\]; fix all components or none"):
        Model.from_pyhf(spec)
