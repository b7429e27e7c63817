"""What is read from files follows them, and the last good reading stays while they are broken."""

import os
from pathlib import Path

import pytest
from authority import replaced
from structlog.testing import capture_logs

from nextbest_rules import Diagnostic
from nextbest_service.security.last_good import LastGood, Reading
from nextbest_service.yaml_files import BrokenFileError


def follower(first: Path) -> LastGood[str]:
    """Return what follows a file, and the file that it names in its second line."""

    def read() -> Reading[str]:
        files = [first, *(first.parent / name for name in first.read_text().split("\n")[1:2] if name)]
        try:
            text = "+".join(file.read_text().split("\n")[0] for file in files)
        except OSError:
            raise BrokenFileError([Diagnostic(str(files[-1]), 1, 1, "gone")]) from None
        if "bad" in text:
            raise BrokenFileError([Diagnostic(str(first), 1, 1, text)])
        return Reading(text, tuple(files))

    return LastGood("part", read)


def test_a_change_is_taken_and_nothing_is_read_without_one(tmp_path: Path) -> None:
    file = replaced(tmp_path / "a", "one")
    followed = follower(file)
    before = followed.current
    assert followed.refresh() == ()
    assert followed.current is before
    replaced(file, "two")
    with capture_logs() as log:
        assert followed.refresh() == ()
    assert (followed.current, followed.taken, followed.refused) == ("two", 1, 0)
    assert [line["event"] for line in log] == ["reloaded"]


def test_a_change_of_the_same_size_in_the_same_moment_is_seen(tmp_path: Path) -> None:
    file = replaced(tmp_path / "a", "one")
    followed, times = follower(file), file.stat()
    replaced(file, "two")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    followed.refresh()
    assert followed.current == "two"


def test_what_is_broken_is_refused_once_and_the_last_good_one_stays(tmp_path: Path) -> None:
    file = replaced(tmp_path / "a", "one")
    followed = follower(file)
    replaced(file, "bad")
    with capture_logs() as log:
        found = [followed.refresh() for _ in range(3)]
    assert {str(fault) for faults in found for fault in faults} == {f"{file}:1:1: bad"}
    assert (followed.current, followed.taken, followed.refused) == ("one", 0, 1)
    assert [line["event"] for line in log] == ["reload_refused"]
    replaced(file, "three")
    assert followed.refresh() == ()
    assert followed.current == "three"


def test_files_that_a_file_names_are_followed_also_if_they_come_later(tmp_path: Path) -> None:
    file = replaced(tmp_path / "a", "one")
    followed = follower(file)
    replaced(file, "one\nb")
    assert [fault.message for fault in followed.refresh()] == ["gone"]
    replaced(tmp_path / "b", "key")
    followed.refresh()
    assert followed.current == "one+key"
    replaced(tmp_path / "b", "new")
    followed.refresh()
    assert followed.current == "one+new"


def test_a_directory_that_is_swapped_by_a_link_is_followed(tmp_path: Path) -> None:
    """So secrets change in Kubernetes."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_text(name)
    (tmp_path / "now").symlink_to("first")
    followed = follower(tmp_path / "now" / "a")
    (tmp_path / "draft").symlink_to("second")
    (tmp_path / "draft").rename(tmp_path / "now")
    followed.refresh()
    assert followed.current == "second"


def test_what_is_prepared_changes_nothing_until_it_is_adopted(tmp_path: Path) -> None:
    file = replaced(tmp_path / "a", "one")
    followed = follower(file)
    replaced(file, "bad")
    with pytest.raises(BrokenFileError, match="bad"):
        followed.prepare()
    assert (followed.refused, followed.faults) == (0, ())
    replaced(file, "two")
    adopt = followed.prepare()
    assert (followed.current, followed.taken, followed.has_changed) == ("one", 0, True)
    adopt()
    assert (followed.current, followed.taken, followed.has_changed) == ("two", 1, False)


def test_what_is_broken_from_the_first_is_told(tmp_path: Path) -> None:
    with pytest.raises(BrokenFileError, match="bad"):
        follower(replaced(tmp_path / "a", "bad"))
