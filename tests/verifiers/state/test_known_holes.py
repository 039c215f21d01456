"""Four ways in which AndroidWorld's checkers are known to be fooled, and which ours refuses.

Source: google-research/android_world: fuzzy matching of texts, lists compared as sets, tasks that
are solved before anything is done, and exceptions of checkers that leave the mean.
"""

from gym_reason.types import Outcome, StopReason, Task, Trajectory, Turn
from gym_reason.verifiers.state import StateVerifier, write_reference, write_submission
from gym_reason.verifiers.state.goals import Answer, Goal, Holds, Inserted, Logged, Want
from gym_reason.verifiers.state.judge import FALSE_CLAIM, judge
from tests.verifiers.state.desk import MEMO, Memo, end, make_desk

BEFORE = make_desk()


def test_the_opposite_sentence_is_not_close_enough() -> None:
    """There, texts pass that agree in most of their characters; `not` is three of them."""
    goal = Goal((Logged("desk.sent", {"text": Want("I will come", "text")}),))
    assert judge(goal, end(BEFORE, BEFORE.record("desk.sent", text="I will come"))).correct
    sent = BEFORE.record("desk.sent", text="I will not come")
    assert judge(goal, end(BEFORE, sent)).reward == FALSE_CLAIM
    note = Goal((Inserted(MEMO.name, {"body": Want("I will come", "text")}),))
    written = BEFORE.insert(MEMO, Memo(0, "Party", "I will not come"))
    assert judge(note, end(BEFORE, written)).reward == FALSE_CLAIM
    asked = Goal(answer=Answer(("I will come",)))
    assert judge(asked, end(BEFORE, BEFORE, answer="I will not come")).reward == FALSE_CLAIM


def test_a_thing_added_twice_is_not_added_as_asked() -> None:
    """There, the rows asked for are looked for among the rows, and others are not looked at."""
    goal = Goal((Inserted(MEMO.name, {"title": Want("Milk", "text")}),))
    once = BEFORE.insert(MEMO, Memo(0, "Milk"))
    assert judge(goal, end(BEFORE, once)).correct
    assert judge(goal, end(BEFORE, once.insert(MEMO, Memo(0, "Milk")))).reward == FALSE_CLAIM
    listed = Goal(answer=Answer(("Tea", "Rent")))
    assert not judge(listed, end(BEFORE, BEFORE, answer="Tea, Tea, Rent")).correct


def test_a_state_to_be_made_sure_of_takes_that_state_and_nothing_else() -> None:
    """There, `complete` at once passes every such task, since the state is right from the start."""
    goal = Goal((Holds(MEMO.name, 1, {"done": Want(True)}),))
    assert judge(goal, end(BEFORE, BEFORE)).reward == FALSE_CLAIM
    right = BEFORE.update(MEMO, 1, done=True)
    assert judge(goal, end(BEFORE, right)).correct
    assert judge(goal, end(right, right)).correct
    assert judge(goal, end(right, right.update(MEMO, 2, done=True))).reward == FALSE_CLAIM
    assert judge(goal, end(right, right.delete(MEMO, 3))).reward == FALSE_CLAIM
    assert judge(goal, end(right, right.update(MEMO, 1, done=False))).reward == FALSE_CLAIM


def test_a_check_that_fails_is_counted_as_what_cannot_be_scored() -> None:
    """There, an exception of a checker takes the task out of the mean without a word."""
    task = Task("broken", (), write_reference(Goal(answer=Answer(("four",), "number")), BEFORE))
    verdict = StateVerifier().verify(task, write_submission(end(BEFORE, BEFORE, answer="4")))
    assert verdict.outcome is Outcome.UNSCORABLE
    turn = Turn("", "", None, verdict.reward, verdict, terminated=True, truncated=False)
    episode = Trajectory(task, (turn,), (), 0.0, StopReason.ANSWERED, 0)
    assert not episode.scorable
    assert not episode.correct
