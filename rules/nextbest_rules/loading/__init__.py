"""From the files of a catalog to the catalog: strict YAML, shapes, references, and everything wrong at once.

`strict_yaml` reads trees that know their places, `documents` says what people may write, `references` checks
what ties the files together, and `assembly` builds the immutable values that the rest of the package works
with.
"""
