"""From particles at their production to measured tracks and clusters, many at a time.

`listing` puts what leaves signals into columns, `helices` and `hits` make true tracks of the charged ones, `radiation`
lets electrons lose photons, `decisions` says who is found, `crystals` what the calorimeter sees, `measuring` smears the
helices. `writing` makes the clusters of each event in order, `tracks` the rows of all tracks of the block, `spurious`
those that are nobody's. `columns` names the columns, `block` runs it all.

Random numbers of the columns come eight at a time from `toymc.lane_random`, those of single decisions from the stream
itself; both depend on the stream of the chunk alone.
"""
