"""What a run of `kohort improve` shows while networks train."""

import re

import pytest

from kohort.workflow import candidates
from kohort.workflow.candidates import Judge
from kohort.workflow.network import Setting
from kohort.workflow.run_folder import RunFolder
from kohort.workflow.story import Story
from tests.cohort.helpers import dense, problem, train
from tests.screens import terminal


def test_a_cohort_has_the_screen_in_place_of_the_line(tmp_path):
    with terminal() as out:
        story = Story(RunFolder(tmp_path / "run"))
        story.progress("thinking")
        train(*problem(), [dense], watchers=story.watch("5 sizes"))
        story.say(["Done."])
    text = out.getvalue()
    assert re.search(r"  5 sizes .*3 running", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text), re.S)
    assert out.frames[-1].strip() == "Done."  # of the table nothing stays
    assert "\x1b[?25h" in text and text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l")


def test_a_quiet_run_shows_nothing(tmp_path):
    assert Story(RunFolder(tmp_path / "run"), quiet=True).watch("5 sizes") == []


def test_the_judge_hands_a_watcher_to_its_cohorts(bench, monkeypatch):
    def interrupted(stage, settings, surroundings, deadline, watchers, least):
        assert least == candidates.FIRST
        assert watchers == ["watches 2 sizes"]
        raise KeyboardInterrupt

    monkeypatch.setattr(candidates, "train", interrupted)
    judge = Judge(bench([[0, 1]] * 2), watch=lambda text: [f"watches {text}"])
    with pytest.raises(KeyboardInterrupt):
        judge("capacity", [Setting((8,))], "2 sizes")
