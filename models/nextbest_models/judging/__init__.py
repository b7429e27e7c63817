"""Judging models by the decisions of others: what was served is the log, what would have been is estimated.

`slots` is what the judgement looks at, `reward_model` what it expects, `verdict` the figures, `gates` what
they have to meet, `report` and `pictures` how they are shown. Knows arrays only: no catalog, no files.
"""
