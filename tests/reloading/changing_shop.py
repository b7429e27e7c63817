"""The corner shop with files that change while it serves, and what its answers are in each of its states."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from corner_shop import DIRECTORY, open_for_business, train_model
from running_service import Service, service

from nextbest_models.companions import Companions
from nextbest_models.evidence import Evidence, Experience, Graduation, Kind, Tally
from nextbest_service.home import Home
from nextbest_service.store.connection import connect_for_bulk

CATALOG = "corner_shop"
OFFERS = "actions/offers.yaml"
PLAIN = (DIRECTORY / OFFERS).read_text()
DEARER = PLAIN.replace("value: 4.0", "value: 400.0")
"""The same offers, one of them worth a hundred times as much: it comes first then."""
BROKEN = PLAIN.replace("type: OFFER", "type: OFER", 1)
FEWER_FEATURES = "affinities: []\nfeatures: []\n"


@dataclass
class ChangingShop:
    """A catalog and a home that belong to one test."""

    root: Path

    @property
    def catalog(self) -> Path:
        """The directory of the catalog."""
        return self.root / "shop"

    @property
    def home(self) -> Home:
        """The home of the service."""
        return Home(self.root / "home")

    def write(self, text: str, file: str = OFFERS) -> None:
        """Replace a file of the catalog in one step."""
        draft = self.root / "draft"
        draft.write_text(text)
        draft.replace(self.catalog / file)

    def train(self, experience: int = 0) -> str:
        """Train a model, another one for each amount of experience, and return its version."""
        tallies = {"spring-wine": Tally(Kind("OFFER", "cross_sell", "wine"), 500 + experience, 50)}
        companions = Companions(experience=Experience(Evidence(tallies), Graduation(exposures=1)))
        models = self.home.models(CATALOG)
        return train_model(models, companions if experience else Companions()).name

    @contextmanager
    def service(self, *options: str, wait_for: str = "ready") -> Iterator[Service]:
        """Start the service, with the shop's customers in its store."""
        usual = ("--store-timeout-ms", "2000", "--freeze-clock")
        with service(self.root / "home", *usual, *options, catalog=self.catalog, wait_for=wait_for) as it:
            with connect_for_bulk(f"unix://{self.root}/home/valkey/valkey.sock") as store:
                open_for_business(store)
            yield it
            if it.process.poll() is None:
                assert it.stop() == 0, it.log()


def changing_shop(root: Path) -> ChangingShop:
    """Return a shop in a directory."""
    shutil.copytree(DIRECTORY, root / "shop")
    return ChangingShop(root)


def resident_bytes(pid: int) -> int:
    """Return how much memory a process has."""
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")
