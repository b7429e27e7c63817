"""What outcomes mean for learning: every rule of attribution."""

from dataclasses import replace

import numpy as np
import pytest
from logged_world import END_MS, HOUR_MS, decisions, outcomes
from pydantic import ValidationError

from nextbest_models.definitions import DAY_MS
from nextbest_models.logged.attribution import Attributed, AttributionPlan, attribute
