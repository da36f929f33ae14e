"""From particles at their production to measured tracks and clusters, many at a time.

`listing` puts what leaves signals into columns, `helices` and `hits` make true tracks of the charged ones, `radiation`
lets electrons lose photons, `decisions` says who is found, `crystals` what the calorimeter sees, `measuring` smears the
helices, and `writing` puts the rows of each event in order. `columns` names the columns, `block` runs it all.
"""
