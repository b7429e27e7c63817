"""Stage contact policy: how often an action may be said to the whole population."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from nextbest_rules.catalog import Action, Catalog
from nextbest_rules.explanation import Finding, Stop
from nextbest_rules.sight import View
from nextbest_rules.terms import Stage

RULE_ID = "volume_cap"


@dataclass(frozen=True, slots=True)
class VolumeCaps:
    """The actions with a volume cap: id -> (bit, cap)."""

    capped: Mapping[str, tuple[int, int]]

    @classmethod
    def of(cls, catalog: Catalog) -> "VolumeCaps":
        """Compile the volume caps of a catalog."""
        return cls(
            {
                action.id: (1 << bit, action.volume_cap)
                for bit, action in enumerate(catalog.actions)
                if action.volume_cap is not None
            }
        )

    @property
    def idle(self) -> bool:
        """Whether there is nothing to ask."""
        return not self.capped

    def screen(self, live: int, view: View) -> int:
        """Return what the population has not had enough of."""
        volumes = view.situation.volumes
        for action_id, (bit, cap) in self.capped.items():
            if live & bit and (volumes is None or volumes.get(action_id, 0) >= cap):
                live &= ~bit
        return live

    def stops(self, view: View) -> Iterator[Stop]:
        """Yield what this stage stops."""
        everything = -1
        yield Stop(
            Stage.CONTACT_POLICY,
            ~self.screen(everything, view),
            partial(_used_up, volumes=view.situation.volumes),
        )


def _used_up(action: Action, volumes: Mapping[str, int] | None) -> Finding:
    actual = "the volumes cannot be read" if volumes is None else f"{volumes.get(action.id, 0)} contacts"
    return Finding(
        RULE_ID,
        "The action has reached the number of contacts it is planned for.",
        actual,
        f"fewer than {action.volume_cap} contacts with all customers",
    )
