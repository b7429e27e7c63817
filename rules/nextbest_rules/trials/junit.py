"""A report in the form that build servers read: JUnit's XML."""

from collections.abc import Iterable
from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from nextbest_rules.trials.judgement import Failure
from nextbest_rules.trials.running import Report, Result


def junit_xml(report: Report) -> str:
    """Return the report as one JUnit document."""
    root = Element("testsuites", _totals(report.results))
    for title, results in groupby(report.results, key=lambda result: result.trial.suite):
        _add_suite(root, title, tuple(results))
    indent(root)
    return tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _totals(results: Iterable[Result]) -> dict[str, str]:
    ran = tuple(results)
    return {
        "tests": str(len(ran)),
        "failures": str(sum(not result.passed for result in ran)),
        "time": f"{sum(result.seconds for result in ran):.3f}",
    }


def _add_suite(root: Element, title: str, results: tuple[Result, ...]) -> None:
    suite = SubElement(root, "testsuite", {"name": title, **_totals(results)})
    for result in results:
        trial = result.trial
        attributes = {
            "classname": title,
            "name": trial.name,
            "file": trial.file,
            "line": str(trial.place("name").line),
            "time": f"{result.seconds:.3f}",
        }
        case = SubElement(suite, "testcase", attributes)
        if not result.passed:
            summary = f"{len(result.failures)} expectation{'s' if len(result.failures) > 1 else ''} not met"
            failure = SubElement(case, "failure", {"message": summary})
            failure.text = "\n\n".join(_text(result, failure) for failure in result.failures)


def _text(result: Result, failure: Failure) -> str:
    place = result.trial.place(*failure.path)
    lines = [
        f"{result.trial.file}:{place.line}:{place.column}: {failure.what}",
        f"expected: {failure.expected}",
        f"came: {failure.came}",
        *(f"because: {reason}" for reason in failure.why),
    ]
    return "\n".join(lines)
