"""Policy tests: suites beside a catalog that ask a decision and say what must come back."""

from nextbest_rules.trials.coverage import Coverage, RuleCoverage
from nextbest_rules.trials.documents import SuiteDocument
from nextbest_rules.trials.judgement import Failure, judge
from nextbest_rules.trials.junit import junit_xml
from nextbest_rules.trials.question import EVERYWHERE, Answer, Offer, PlacementAsked, Question
from nextbest_rules.trials.running import Decide, Report, Result, run, selected
from nextbest_rules.trials.state import CustomerState, StateError, read_state
from nextbest_rules.trials.state_documents import StateDocument
from nextbest_rules.trials.suites import Suite, Trial, read_suites

__all__ = [
    "EVERYWHERE",
    "Answer",
    "Coverage",
    "CustomerState",
    "Decide",
    "Failure",
    "Offer",
    "PlacementAsked",
    "Question",
    "Report",
    "Result",
    "RuleCoverage",
    "StateDocument",
    "StateError",
    "Suite",
    "SuiteDocument",
    "Trial",
    "judge",
    "junit_xml",
    "read_state",
    "read_suites",
    "run",
    "selected",
]
