"""What is certainly not meant in a catalog that can be served, each with its place and why it is so."""

from nextbest_rules.analysis.analyse import analyse
from nextbest_rules.analysis.places import Location, Places, read_places
from nextbest_rules.analysis.study import CatalogWarning, WarningKind

__all__ = ["CatalogWarning", "Location", "Places", "WarningKind", "analyse", "read_places"]
