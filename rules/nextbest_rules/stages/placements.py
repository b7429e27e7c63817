"""Stage placement: what a surface takes, by type, channel and the treatments that an action has for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from nextbest_rules.catalog import Action, Catalog, Placement, Treatment
from nextbest_rules.explanation import Finding, Stop
from nextbest_rules.terms import Stage


class UnknownPlacementError(LookupError):
    """A placement id that the catalog does not have."""


class Surface(NamedTuple):
    """Where and how a placement shows its propositions. `locale` is one of the catalog's, or empty."""

    placement_id: str
    channel: str
    locale: str


class Fit(NamedTuple):
    """What a surface takes, and for actions with treatments, by bit, the one to use."""

    mask: int
    treatments: Mapping[int, Treatment]


@dataclass(frozen=True, slots=True)
class PlacementStage:
    """The surfaces of a catalog: every placement on each of its channels in each of the catalog's locales."""

    catalog: Catalog
    _fits: Mapping[Surface, Fit]

    @classmethod
    def of(cls, catalog: Catalog) -> "PlacementStage":
        """Compile the placements of a catalog."""
        surfaces = [
            Surface(placement.id, channel, locale)
            for placement in catalog.placements.values()
            for channel in placement.channels
            for locale in catalog.locales or ("",)
        ]
        return cls(catalog, {surface: _fit(surface, catalog) for surface in surfaces})

    def fit(self, surface: Surface) -> Fit:
        """Return what a surface takes.

        Raises:
            UnknownPlacementError: the catalog has no such surface.
        """
        try:
            return self._fits[surface]
        except KeyError:
            raise UnknownPlacementError(surface.placement_id) from None

    def stops(self, surface: Surface) -> Iterator[Stop]:
        """Yield what the surface does not take."""
        mask = ~self.fit(surface).mask
        placement = self.catalog.placements[surface.placement_id]
        yield Stop(Stage.PLACEMENT, mask, partial(_finding, placement=placement, surface=surface))

    def locale(self, wanted: str) -> str:
        """Return the catalog's locale for a language tag: itself, its language alone, or the default."""
        locales = {locale.lower(): locale for locale in self.catalog.locales}
        parts = wanted.lower().split("-")
        for length in range(len(parts), 0, -1):
            found = locales.get("-".join(parts[:length]))
            if found is not None:
                return found
        return self.catalog.locales[0] if self.catalog.locales else ""


def _fit(surface: Surface, catalog: Catalog) -> Fit:
    placement = catalog.placements[surface.placement_id]
    mask, treatments = 0, dict[int, Treatment]()
    for bit, action in enumerate(catalog.actions):
        if action.type not in placement.accepts or not _on_channel(action, surface.channel):
            continue
        treatment = _treatment(action, surface, catalog.locales)
        if treatment is not None:
            treatments[bit] = treatment
        if treatment is not None or not action.treatments:
            mask |= 1 << bit
    return Fit(mask, treatments)


def _on_channel(action: Action, channel: str) -> bool:
    return action.channels is None or channel in action.channels


def _treatment(action: Action, surface: Surface, locales: tuple[str, ...]) -> Treatment | None:
    """Return the treatment for the surface: in its locale, else for any locale, else in the default one."""
    fitting = [
        item for item in action.treatments if item.channels is None or surface.channel in item.channels
    ]
    for locale in (surface.locale, None, *locales[:1]):
        for treatment in fitting:
            if locale is None if treatment.locales is None else locale in treatment.locales:
                return treatment
    return None


def _finding(action: Action, placement: Placement, surface: Surface) -> Finding:
    if action.type not in placement.accepts:
        reason = "The placement does not accept actions of this type."
        return Finding("type", reason, str(action.type), " or ".join(sorted(placement.accepts)))
    if not _on_channel(action, surface.channel):
        reason = "The action is not made for the placement's channel."
        return Finding("channel", reason, ", ".join(sorted(action.channels or ())), surface.channel)
    shown = ", ".join(treatment.id for treatment in action.treatments)
    wanted = f"a treatment for {surface.channel}" + (f" in {surface.locale}" if surface.locale else "")
    return Finding("treatment", "The action has no treatment for this channel and locale.", shown, wanted)
