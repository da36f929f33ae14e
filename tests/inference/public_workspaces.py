"""Public HistFactory examples as workspaces: the numbers and where they were read, no files.

Source of all but the last: the validation set of pyhf (github.com/scikit-hep/pyhf, validation/data/*.json, README.md,
tests/test_validation.py, tests/test_patchset/example_bkgonly.json) [R]. `PUBLISHED_CLS` are CLs values at mu = 1 that
stand there, computed with ROOT's HistFactory or pyhf: observed (None where that was another test statistic), and the
bands from -2 to +2 sigma. The models there with normsys and histosys were computed with interpolation codes 0 and 1 and
are compared with pyhf's default (codes 4 and 4p) only.
"""

MU = {"name": "mu", "type": "normfactor", "data": None}


def sample(name, data, *modifiers):
    return {"name": name, "data": list(data), "modifiers": list(modifiers)}


def signal(*data):
    return sample("signal", data, MU)


def modifier(kind, name, data=None):
    return {"name": name, "type": kind, "data": data}


def shapesys(name, *errors):
    return modifier("shapesys", name, list(errors))


def histosys(name, low, high):
    return modifier("histosys", name, {"lo_data": low, "hi_data": high})


def normsys(name, low, high):
    return modifier("normsys", name, {"lo": low, "hi": high})


def workspace(channels, observed, parameters=(), poi="mu"):
    return {
        "channels": [{"name": name, "samples": samples} for name, samples in channels.items()],
        "observations": [{"name": name, "data": observed[name]} for name in channels],
        "measurements": [{"name": "m", "config": {"poi": poi, "parameters": list(parameters)}}],
        "version": "1.0.0",
    }


def one_channel(samples, observed, parameters=(), poi="mu"):
    return workspace({"sr": samples}, {"sr": observed}, parameters, poi)


def tutorial(lumi_fixed):
    """The example of the HistFactory manual (hist2workspace): statistical errors, luminosity, three scales."""
    lumi = modifier("lumi", "lumi")
    first = modifier("staterror", "staterror_channel1", [5.0, 0.0])
    second = modifier("staterror", "staterror_channel1", [0.0, 10.0])
    poi = modifier("normfactor", "SigXsecOverSM")
    samples = [
        sample("signal", [20.0, 10.0], normsys("syst1", 0.95, 1.05), poi),
        sample("background1", [100.0, 0.0], lumi, first, normsys("syst2", 0.95, 1.05)),
        sample("background2", [0.0, 100.0], lumi, second, normsys("syst3", 0.95, 1.05)),
    ]
    settings = [
        {"name": "lumi", "auxdata": [1.0], "bounds": [[0.5, 1.5]], "inits": [1.0], "sigmas": [0.1]},
        {"name": "SigXsecOverSM", "bounds": [[0.0, 3.0]], "inits": [1.0]},
    ]
    if lumi_fixed:
        settings[0]["fixed"] = True
    return one_channel(samples, [122.0, 112.0], settings, poi="SigXsecOverSM")


def lumi_only():
    lumi = modifier("lumi", "lumi")
    samples = [signal(20.0), sample("background1", [100.0], lumi)]
    settings = [{"name": "lumi", "auxdata": [1.0], "bounds": [[0.0, 10.0]], "inits": [1.0], "sigmas": [0.1]}]
    return one_channel(samples, [55.0], settings)


def coupled_norm():
    one = normsys("coupled_normsys", 0.9, 1.1)
    first = sample("bkg1", [100.0, 100.0], one)
    second = sample("bkg2", [50.0, 100.0], normsys("coupled_normsys", 0.5, 1.5))
    channels = {"signal": [signal(10.0, 35.0), first, second], "control": [sample("bkg", [100.0, 100.0], one)]}
    return workspace(channels, {"signal": [105.0, 220.0], "control": [110.0, 105.0]})


def coupled_histo():
    """Both variations of one bin go down by half (120 to 55 and 45): two minima, of which pyhf finds the upper one."""
    name = "coupled_histosys"
    first = sample("bkg1", [100.0, 100.0], histosys(name, [90.0, 90.0], [110.0, 110.0]))
    second = sample("bkg2", [50.0, 120.0], histosys(name, [45.0, 45.0], [55.0, 55.0]))
    control = sample("bkg", [105.0, 100.0], histosys(name, [95.0, 90.0], [110.0, 115.0]))
    channels = {"signal": [signal(30.0, 35.0), first, second], "control": [control]}
    return workspace(channels, {"signal": [170.0, 220.0], "control": [110.0, 105.0]})


def coupled_shapefactor():
    free = modifier("shapefactor", "coupled_shapefactor")
    channels = {
        "signal": [signal(20.0, 20.0), sample("bkg1", [100.0, 70.0], free)],
        "control": [sample("background", [100.0, 100.0], free)],
    }
    return workspace(channels, {"signal": [220.0, 230.0], "control": [200.0, 300.0]})


def two_channel_shapesys():
    channels = {
        "signal": [signal(10.0, 35.0), sample("bkg", [100.0, 150.0], shapesys("signal_bins", 10.0, 10.0))],
        "control": [sample("bkg", [200.0, 350.0], shapesys("control_bins", 5.0, 10.0))],
    }
    return workspace(channels, {"signal": [110.0, 155.0], "control": [205.0, 345.0]})


def stat_errors():
    return one_channel(
        [
            signal(10.0, 10.0),
            sample("bkg1", [50.0, 70.0], modifier("staterror", "stat", [10.0, 10.0])),
            sample("bkg2", [30.0, 20.0], modifier("staterror", "stat", [5.0, 5.0])),
            sample("bkg3", [20.0, 15.0]),
        ],
        [100.0, 100.0],
    )


def simple(signal_data, background, *modifiers, observed):
    return one_channel([signal(*signal_data), sample("background", background, *modifiers)], observed)


PUBLIC = {
    "hello_world": simple([12.0, 11.0], [50.0, 52.0], shapesys("u", 3.0, 7.0), observed=[51.0, 48.0]),
    "correlated_background": simple(
        [12.0, 11.0], [50.0, 52.0], histosys("c", [55.0, 47.0], [45.0, 57.0]), observed=[51.0, 48.0]
    ),
    "1bin_shapesys": simple([10.0], [50.0], shapesys("u", 7.0), observed=[55.0]),
    "1bin_lumi": lumi_only(),
    "2bin_normsys": simple([30.0, 95.0], [100.0, 150.0], normsys("n", 0.9, 1.1), observed=[120.0, 180.0]),
    "2bin_shapesys": simple([30.0, 95.0], [100.0, 150.0], shapesys("u", 15.0, 20.0), observed=[120.0, 180.0]),
    "2bin_shapesys_readme": simple([30.0, 45.0], [100.0, 150.0], shapesys("u", 15.0, 20.0), observed=[100.0, 145.0]),
    "2bin_histosys": simple(
        [30.0, 95.0], [100.0, 150.0], histosys("h", [98.0, 100.0], [102.0, 190.0]), observed=[120.0, 180.0]
    ),
    "2bin_2channel": two_channel_shapesys(),
    "2bin_2channel_couplednorm": coupled_norm(),
    "2bin_2channel_coupledhisto": coupled_histo(),
    "2bin_2channel_coupledshapefactor": coupled_shapefactor(),
    "2bin_staterror": stat_errors(),
    "2bin_shapesys_filtered": simple([20.0, 10.0], [100.0, 10.0], shapesys("syst", 10.0, 0.0), observed=[100.0, 10.0]),
    "tutorial": tutorial(lumi_fixed=True),
    "tutorial_lumi": tutorial(lumi_fixed=False),
}

PUBLISHED_CLS = {
    "hello_world": (0.05251497, [None, None, 0.06445321, None, None]),
    "1bin_shapesys": (0.4541865416, [0.0637179940, 0.150965034, 0.3279606951, 0.6046087303, 0.8662627605]),
    "1bin_lumi": (None, [0.01060338, 0.04022273, 0.13614217, 0.37078321, 0.71104119]),
    "2bin_2channel": (0.0563326211, [4.34913548e-04, 3.42230005e-03, 0.0233742327, 0.1218654226, 0.4038207425]),
    "2bin_2channel_coupledshapefactor": (
        0.5421679125, [0.0137532999, 0.0488874001, 0.1555529625, 0.4007561343, 0.7357169631]
    ),
    "2bin_shapesys_filtered": (
        0.0043606344, [2.70219794e-05, 3.70999176e-04, 4.36063439e-03, 0.0381503151, 0.2020302756]
    ),
}  # fmt: skip
