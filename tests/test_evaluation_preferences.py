"""Win rates, intervals and Elo of blind pairs against SciPy and against answers whose outcome is known."""

from __future__ import annotations

import json
import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from saliency_jpeg.errors import InputError
from saliency_jpeg.evaluation.preference_tables import Score
from saliency_jpeg.evaluation.preferences import (
    Choice,
    Key,
    KeyPair,
    Record,
    Verdict,
    agreement,
    elo,
    left_rate,
    read_answers,
    read_key,
    verdicts,
    wilson,
)

CODECS = ["ours", "b", "c"]


def key(count: int = 4) -> Key:
    """``ours`` against b and c at two sizes, ``count`` pairs each, on the left in the odd ones."""
    cells = product(CODECS[1:], (0.5, 1.0), range(count))
    pairs = [KeyPair(bpp, *(("ours", rival) if i % 2 else (rival, "ours"))) for rival, bpp, i in cells]
    return Key("s1", CODECS, dict(enumerate(pairs, 1)))


def choose(of: Key, wins: dict[str, int]) -> dict[int, Choice]:
    """Answers by which ours wins the first pairs of each size against a rival, and loses the others."""
    chosen: dict[int, Choice] = {}
    seen: dict[tuple[str, float], int] = {}
    for number, pair in of.pairs.items():
        rival = pair.right if pair.left == "ours" else pair.left
        place = seen[rival, pair.target_bpp] = seen.get((rival, pair.target_bpp), 0) + 1
        ours_wins = place <= wins[rival]
        chosen[number] = "left" if (pair.left == "ours") == ours_wins else "right"
    return chosen


# counting -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("won", "decided"), [(0, 5), (13, 20), (20, 20), (31, 57)])
def test_the_interval_is_wilsons(won: int, decided: int) -> None:
    from scipy.stats import binomtest

    expected = binomtest(won, decided).proportion_ci(0.95, "wilson")
    assert wilson(won, decided) == pytest.approx((won / decided, expected.low, expected.high), abs=1e-6)


def test_nothing_decided_is_no_rate() -> None:
    record = Record(0, 0, 3)
    assert math.isnan(record.win_rate.mean)
    assert record.win_rate[1:] == (0.0, 1.0)
    assert record.ties_as_half == 0.5
    assert math.isnan(Record(0, 0, 0).ties_as_half)


def test_sides_do_not_matter_to_the_verdicts() -> None:
    found = verdicts(key(), [choose(key(), {"b": 3, "c": 1})])
    assert {verdict.first for verdict in found} == {"ours"}
    for rival, won in (("b", 3), ("c", 1)):
        for bpp in (0.5, 1.0):
            record = Record.of(v for v in found if v[1:3] == (rival, bpp))
            assert record == (won, 4 - won, 0)


def test_judges_of_a_pair_are_one_verdict() -> None:
    pairs = Key("s1", CODECS, {1: KeyPair(0.5, "b", "ours")})
    votes: list[tuple[list[Choice], float]] = [
        (["left"], 0.0),
        (["right", "right", "left"], 1.0),
        (["right", "left"], 0.5),
        (["same", "same", "right"], 1.0),
        (["same"], 0.5),
    ]
    for choices, outcome in votes:
        assert verdicts(pairs, [{1: choice} for choice in choices]) == [Verdict("ours", "b", 0.5, outcome)]
    assert verdicts(pairs, [{}]) == []


def test_agreement_is_between_judges_who_chose_a_side() -> None:
    one: dict[int, Choice] = {1: "left", 2: "left", 3: "same", 4: "right"}
    other: dict[int, Choice] = {1: "left", 2: "right", 3: "left"}
    assert agreement([one, other]) == (1, 2)
    assert agreement([one]) == (0, 0)
    assert left_rate(one).mean == 2 / 3


# Elo ----------------------------------------------------------------------------------------------------------------


def test_elo_of_two_codecs_is_their_odds() -> None:
    judged = [Verdict("ours", "b", 0.5, outcome) for outcome in [1.0] * 14 + [0.0] * 4 + [0.5] * 2]
    odds = (14 + 1 + 0.5) / (4 + 1 + 0.5)  # with the pair without a difference that is added
    found = elo(judged, CODECS)
    assert list(found) == ["ours", "b"]
    assert list(found["ours"]) == [0.0, 0.0, 0.0]
    assert found["b"].mean == pytest.approx(-400 * math.log10(odds), abs=1e-4)
    assert found["b"].low < found["b"].mean < found["b"].high < 0
    assert found == elo(judged, CODECS)
    assert found["b"][1:] != elo(judged, CODECS, seed=1)["b"][1:]


def test_elo_finds_the_strengths_that_answers_were_drawn_from() -> None:
    rng = np.random.default_rng(3)
    points = {"ours": 0.0, "b": -150.0, "c": 90.0}
    judged = [
        Verdict(a, b, 0.5, float(rng.random() < 1 / (1 + 10 ** ((points[b] - points[a]) / 400))))
        for a, b in (("ours", "b"), ("ours", "c"), ("b", "c"))
        for _ in range(3000)
    ]
    for name, interval in elo(judged, CODECS).items():
        assert interval.mean == pytest.approx(points[name], abs=15)
        assert interval.low <= interval.mean <= interval.high
        assert interval.high - interval.low < 40


def test_elo_stays_finite_where_one_wins_all() -> None:
    found = elo([Verdict("ours", "b", 0.5, 1.0)] * 20, CODECS)
    assert -800 < found["b"].mean < -400
    assert elo([], CODECS) == {}


# files --------------------------------------------------------------------------------------------------------------


def write_key(path: Path, of: Key) -> Path:
    pairs = [{"pair": n, "bpp": p.target_bpp, "left": p.left, "right": p.right} for n, p in of.pairs.items()]
    path.write_text(json.dumps({"set": of.set, "codecs": of.codecs, "pairs": pairs}))
    return path


def test_answers_are_json_or_csv(tmp_path: Path) -> None:
    read = read_key(write_key(tmp_path / "key.json", key()))
    assert read == key()
    (tmp_path / "a.json").write_text(json.dumps({"set": "s1", "answers": [{"pair": 3, "choice": "same"}]}))
    (tmp_path / "b.csv").write_text("\ufeffpair, choice\r\n2, Left\r\n16,right\r\n", "utf-8")
    assert read_answers(tmp_path / "a.json", read) == {3: "same"}
    assert read_answers(tmp_path / "b.csv", read) == {2: "left", 16: "right"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"set": "s2", "answers": []}', r"set s1, got 's2'"),
        ('{"set": "s1"}', "got KeyError"),
        ('{"set": "s1", "answers": [{"pair": 1, "choice": "A"}]}', "left, right or same, got 'a' for pair 1"),
        ("pair,choice\n17,left\n", "got pair 17"),
        ("pair,choice\n1,left\n1,right\n", "got pair 1"),
        ("number,choice\n1,left\n", "got KeyError"),
        ("pair,choice\nx,left\n", "got ValueError"),
        ("a" * 200_000, "got Error"),
        ('{"answers": ' + "[" * 100_000, "got RecursionError"),
        ('{"answers": [{"pair": Infinity, "choice": "left"}]}', "got OverflowError"),
    ],
)
def test_answers_that_do_not_fit_are_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "answers").write_text(text)
    with pytest.raises(InputError, match=message):
        read_answers(tmp_path / "answers", key())


def test_a_key_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text('{"set": "s1", "answers": []}')
    with pytest.raises(InputError, match="got KeyError"):
        read_key(tmp_path / "key.json")
    pair = '{"pair": %s, "bpp": %s, "left": "b", "right": "c"}'
    for pairs, codecs in (
        (pair % ("Infinity", 1), '"b", "c"'),
        (pair % (1, "NaN"), '"b", "c"'),
        (pair % (1, 1), '"b", "c", "b"'),
        ("[" * 100_000, '"b", "c"'),
    ):
        (tmp_path / "key.json").write_text(f'{{"set": "s1", "codecs": [{codecs}], "pairs": [{pairs}]}}')
        with pytest.raises(InputError, match="the key must be the JSON file"):
            read_key(tmp_path / "key.json")
    write_key(tmp_path / "key.json", Key("s1", ["ours"], key().pairs))
    with pytest.raises(InputError, match="got b, c"):
        read_key(tmp_path / "key.json")


# tables -------------------------------------------------------------------------------------------------------------


def test_the_tables_have_every_size_and_all() -> None:
    of = key(20)
    score = Score(of, {"one": choose(of, {"b": 13, "c": 10})})
    lines = score.to_text().splitlines()
    assert lines[0] == "1 judge, 80 of 80 pairs answered"
    assert [line.split()[:7] for line in lines if line.startswith("ours against b")] == [
        ["ours", "against", "b", bpp, won, lost, "0"]
        for bpp, won, lost in (("0.5", "13", "7"), ("1", "13", "7"), ("all", "26", "14"))
    ]
    assert "65.0 [43.3, 81.9]" in score.to_text()
    assert next(line.split()[0:2] for line in lines if line.startswith("c ")) == ["c", "+0"]
    assert "| ours against c | all | 20 | 20 | 0 | 50.0 [35.2, 64.8] | 50.0 |" in score.to_text(markdown=True)
    facts = json.loads(json.dumps(score.to_json()))
    assert [row["won"] for row in facts["records"]] == [13, 13, 26, 10, 10, 20]
    assert [row["bpp"] for row in facts["elo"]] == [0.5] * 3 + [1.0] * 3 + [None] * 3
    assert facts["records"][0]["win_rate"]["low"] == pytest.approx(0.4329, abs=1e-4)


def test_each_judge_has_a_row() -> None:
    of = key(20)
    mild = {n: choice for n, choice in choose(of, {"b": 20, "c": 20}).items() if of.pairs[n].target_bpp == 0.5}
    score = Score(of, {"hard.csv": choose(of, {"b": 0, "c": 0}), "mild.csv": mild})
    text = score.to_text()
    assert "judges who both chose a side agreed 0 times of 40" in text
    rows = {line.split()[0]: line for line in text.splitlines() if ".csv" in line}
    assert rows["hard.csv"].count("0.0 [") == 3
    assert rows["mild.csv"].count("100.0 [") == 2
    assert [judge["answered"] for judge in score.to_json()["judges"]] == [80, 40]
    assert "1 judge, 0 of 80 pairs answered" in Score(of, {"none": {}}).to_text()
