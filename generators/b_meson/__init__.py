"""B mesons from the Upsilon(4S): production, mixing, signal decays, and generic decays from Pythia 8.

`upsilon` makes the pair, `mixing` its decay times and flavours, `channels` and `signal` the decay that is looked for,
`pool` the generic ones (`pythia_decays`, with `measured` in place of the leading ones), `events` puts them together.
"""
