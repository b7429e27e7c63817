"""The options that this traffic adds to those of Locust's command line."""

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

import gevent
from locust import User, events
from locust.env import Environment

from benchmarks.traffic.caller import Caller
from benchmarks.traffic.scene import Scene

HOUSEHOLDS = 2_469
"""Customers of the demo's data: their ids count from 1."""


@events.init_command_line_parser.add_listener
def add_options(parser: ArgumentParser, **_: object) -> None:
    """Add what a load tester of nextbest may want to set."""
    own = parser.add_argument_group("nextbest")
    own.add_argument(
        "--catalog",
        default=os.environ.get("NEXTBEST_CATALOG", "grocery"),
        help="Catalog that the service serves: the name of a shipped one, or its directory (default grocery)",
    )
    own.add_argument(
        "--known-customers",
        type=int,
        default=HOUSEHOLDS,
        help=f"Customers have the ids 1 to this number (default {HOUSEHOLDS:,}, those of the demo)",
    )
    own.add_argument("--customer-ids", default="", help="File of customer ids, one a line, instead of these")
    own.add_argument(
        "--think", type=float, default=1.0, help="Mean pause between tasks of a user, seconds (default 1)"
    )
    own.add_argument("--timeout", type=float, default=5.0, help="Deadline of a call, seconds (default 5)")


@events.init.add_listener
def set_scene(environment: Environment, **_: object) -> None:
    """Read the catalog, once per process, and leave out the kinds of users of whom tags left no task."""
    options = environment.parsed_options
    Caller.scene = Scene.read(options.catalog, customer_ids(options))
    wanted, unwanted = set(options.tags or ()), set(options.exclude_tags or ())
    environment.user_classes = [it for it in environment.user_classes if _has_task(it, wanted, unwanted)]
    # Reading took some seconds that gevent has not noticed: it would take them off the time of the run.
    gevent.get_hub().loop.update_now()


@events.quitting.add_listener
def refuse_silence(environment: Environment, **_: object) -> None:
    """Fail a run in which nothing was asked: it would look like one without failures."""
    if environment.stats.total.num_requests == 0:
        environment.process_exit_code = 1


def customer_ids(options: Namespace) -> Sequence[str]:
    """Return the ids of the customers that calls are about."""
    if options.customer_ids:
        return Path(options.customer_ids).read_text().split()
    return [str(number) for number in range(1, options.known_customers + 1)]


def _has_task(user: type[User], wanted: set[str], unwanted: set[str]) -> bool:
    """Tell whether tags leave a task to a kind of users. All of our tasks have tags."""
    tags = [getattr(task, "locust_tag_set", set()) for task in user.tasks]
    return any((not wanted or it & wanted) and not it & unwanted for it in tags)
