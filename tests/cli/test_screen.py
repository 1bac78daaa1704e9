"""Progress on stderr: sparse lines where there is no terminal, a live bar where there is one."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from netwright.cli.live import LiveDisplay
from netwright.cli.screen import PlainDisplay, Screen, TrainingProgress, best_epochs, status
from netwright.data.finding import Finding
from netwright.training.callbacks import State

WARNING = Finding("mostly_missing", "warning", "column 'a' is mostly empty", "kept", ["a"])
NOTE = Finding("duplicate_rows", "note", "3 rows occur twice", "kept")


def walk(progress: TrainingProgress, epochs: int, steps: int = 3) -> None:
    """What the training loop tells."""
    state = State(epochs, epochs * steps, best_epoch=[0])
    progress.on_start(state)
    for state.epoch in range(1, epochs + 1):
        for _ in range(steps):
            state.step += 1
            state.seconds += 0.06
            state.learning_rate = 0.003
            progress.on_step(state)
        state.train_loss = 1 / state.epoch
        state.best_epoch = [state.epoch]
        state.rows = [{"validation_loss": 2 / state.epoch}, {"validation_loss": 4 / state.epoch}]
        progress.on_epoch(state)
    progress.on_end(state)


@pytest.mark.parametrize("epochs", [1, 7, 10, 11, 95, 1000])
def test_plain_lines_are_few(capsys, epochs):
    walk(TrainingProgress(PlainDisplay()), epochs)
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert 1 <= len(lines) <= 11
    assert lines[-1].strip() == f"{epochs} of {epochs} epochs, best {epochs}"


def test_status_says_where_the_training_stands():
    state = State(
        10, 100, epoch=3, step=25, seconds=50.0, learning_rate=0.00123, train_loss=0.5, best_epoch=[2, 3]
    )
    assert status(state, 0.7, 0.65) == (
        "epoch 3/10  2:30 left  loss 0.5000  validation 0.7000  best 0.6500 at 2-3  rate 0.0012"
    )


def test_status_leaves_out_what_is_not_known_yet():
    assert status(State(10, 100, epoch=1, best_epoch=[0]), None, None) == "epoch 1/10"


def test_best_of_the_members_mean_is_kept():
    class Recording(PlainDisplay):
        said: list[str] = []

        def epoch(self, state: State, status: str) -> None:
            self.said.append(status)

    walk(TrainingProgress(Recording()), 2)
    assert "validation 1.500  best 1.500 at 2" in Recording.said[-1]


def test_steps_reach_the_display_at_most_ten_times_a_second():
    class Counting(PlainDisplay):
        count = 0

        def step(self, state: State, status: str) -> None:
            Counting.count += 1

    walk(TrainingProgress(Counting()), epochs=1, steps=100)
    assert 50 <= Counting.count <= 62  # 6 seconds


def test_best_epochs():
    assert (best_epochs([4]), best_epochs([4, 2, 4])) == ("4", "2-4")


def test_findings_are_told_with_what_to_do_and_notes_counted(capsys):
    Screen().findings([WARNING, NOTE])
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "the checks found 1 warning, 1 note",
        "  warning  Column 'a' is mostly empty. Kept.",
    ]


def test_many_findings_are_cut_short(capsys):
    Screen().findings([WARNING] * 30)
    assert len(capsys.readouterr().err.splitlines()) == 10


def test_check_lists_them_itself(capsys):
    Screen(list_findings=False).findings([WARNING])
    assert capsys.readouterr().err == ""


def live(width: int = 120, **options) -> tuple[LiveDisplay, io.StringIO]:
    stream = io.StringIO()
    return LiveDisplay(Console(file=stream, force_terminal=True, width=width, **options)), stream


def test_live_display_leaves_each_stage_with_its_seconds():
    display, stream = live()
    display.stage("reading")
    display.stage("training")
    walk(TrainingProgress(display), 3)
    display.progress.refresh()
    display.message("[red]warning[/red]  about 'a'", "warning")
    display.close()
    text = stream.getvalue()
    assert "reading " in text
    assert "epoch 3/3" in text
    assert "3 of 3 epochs, best 3" in text
    assert "[red]" in text  # a column's name is no markup
    assert "\x1b[?25h" in text  # the cursor is back


def test_live_display_closes_twice_and_without_a_stage():
    display, _ = live()
    display.close()
    display.close()


def test_live_display_keeps_the_bar_on_a_narrow_terminal():
    display, stream = live(width=60, no_color=True)
    display.stage("training")
    walk(TrainingProgress(display), 5)
    display.progress.refresh()
    display.close()
    assert "training ━━━━" in stream.getvalue()
    assert "epoch 5/5" in stream.getvalue()
    assert "\x1b[3" not in stream.getvalue()
