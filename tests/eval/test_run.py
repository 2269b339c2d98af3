import json
import random
from dataclasses import replace

import pytest

from eval.baselines import HitRanker
from eval.compare import compare, moved
from eval.dataset import Case, Dataset
from eval.formats import sample_dataset
from eval.gate import broken
from eval.outcomes import OURS, TRACKS
from eval.page import save_page
from eval.report import REPORT, as_lines, as_table, by_key, failures, headlines, save
from eval.run import OUTCOMES, Plan, finish, read_settings, run
from eval.score import Scorer
from index.errors import SettingsError, SourceError
from index.normalize import detect_language
from rag.assistant import Assistant
from rag.settings import Settings
from tests.rag.scripted import scripted_server

N_QUESTIONS = 20


@pytest.fixture(scope="module")
def dataset():
    return sample_dataset()


def ask(dataset, assistant, folder, **changes):
    settings = {"limit": N_QUESTIONS, "baselines": False, "tracks": TRACKS} | changes
    return run(Plan(dataset, folder, **settings), assistant)


@pytest.fixture(scope="module")
def whole(dataset, fake_sample, tmp_path_factory):
    done = run(Plan(dataset, tmp_path_factory.mktemp("runs"), limit=N_QUESTIONS), fake_sample)
    save(done, as_lines(done.measures))
    return done


def values(done):
    """Value of each measure of ours that does not depend on the clock, by name."""
    return {
        measure.key: measure.value()
        for measure in done.measures
        if measure.system == OURS and measure.track != "latency"
    }


class Silent:
    """Always refuses."""

    def __init__(self, assistant):
        self._assistant = assistant

    def ask(self, question, *, filters=None):
        answer = self._assistant.ask(question, filters=filters)
        return replace(answer, text="I found nothing.", citations=(), evidence=(), refused=True)


class Liar(Silent):
    """Turns every digit of its answer, and of what it says it quotes."""

    def ask(self, question, *, filters=None):
        answer = self._assistant.ask(question, filters=filters)
        turned = str.maketrans("0123456789٠١٢٣٤٥٦٧٨٩", "1234567890١٢٣٤٥٦٧٨٩٠")
        citations = tuple(
            replace(c, quote=c.quote.translate(turned), marker=c.marker) for c in answer.citations
        )
        text = answer.text.translate(turned)
        for c in answer.citations:
            text = text.replace(f"[{str(c.marker).translate(turned)}]", f"[{c.marker}]")
        return replace(answer, text=text, citations=citations)


class WrongLanguage(Silent):
    """Says its own words in the other language."""

    def ask(self, question, *, filters=None):
        other = "ar" if detect_language(question) == "en" else "en"
        return self._assistant.ask(question, other, filters=filters)


class Inventor(Silent):
    """Adds markers that point nowhere."""

    def ask(self, question, *, filters=None):
        answer = self._assistant.ask(question, filters=filters)
        return replace(answer, text=answer.text + " [9]")


# Which measures each faulty engine must move; every other must stay.
MOVES = {
    "Silent": {
        "answers": {"EM", "F1", "EM, strict", "F1, strict", "3-gram recall", "has the answer",
                    "right language"},
        "citations": None,
        "refusal": {"hallucination", "error", "AURC"},
    },
    "Liar": {
        "answers": {"F1", "F1, strict", "3-gram recall", "has the answer"},
        "citations": {"precision", "recall", "invalid", "quote has the answer"},
        "refusal": {"AURC"},
    },
    "WrongLanguage": {
        "answers": {"right language", "F1", "F1, strict", "3-gram recall"},
        "citations": set(),
        "refusal": set(),
    },
    "Inventor": {
        "answers": {"F1", "F1, strict", "3-gram recall"},
        "citations": {"invalid"},
        "refusal": set(),
    },
}  # fmt: skip
MUST_MOVE = {
    "Silent": {"answers/has the answer", "refusal/hallucination", "refusal/error"},
    "Liar": {"answers/has the answer", "citations/invalid", "citations/precision"},
    "WrongLanguage": {"answers/right language"},
    "Inventor": {"citations/invalid"},
}


@pytest.mark.parametrize("name", MOVES)
def test_a_faulty_engine_moves_its_own_measures_only(name, dataset, fake_sample, whole, tmp_path):
    done = ask(dataset, fake_sample, tmp_path, engine=f"{__name__}:{name}")
    before, after = values(whole), values(done)
    told = set()
    for key, value in before.items():
        track, _, _, measure = key.split("/")
        if after.get(key) == value:
            continue
        assert track in MOVES[name], key
        allowed = MOVES[name][track]
        assert allowed is None or measure in allowed, (key, value, after.get(key))
        told.add(f"{track}/{measure}")
    assert MUST_MOVE[name] <= told


def test_a_shuffled_search_moves_retrieval_only(dataset, fake_sample, whole):
    class Shuffled(HitRanker):
        def rank(self, question, languages):
            ids = super().rank(question, languages)
            random.Random(question).shuffle(ids)
            return ids

    shuffled = Shuffled(fake_sample.search)
    outcomes = []
    for outcome in whole.outcomes:
        if (outcome["step"], outcome["system"]) == ("rank", OURS):
            case = next(c for c in whole.dataset.cases if c.case_id == outcome["case"])
            ranked = {pool: shuffled.rank(case.question, [pool]) for pool in ("ar", "en")}
            ranked["mixed"] = shuffled.rank(case.question, ["ar", "en"])
            outcome = outcome | {"ranked": ranked}
        outcomes.append(outcome)
    scorer = Scorer(whole.dataset, whole.articles)
    after = {m.key: m.value() for m in scorer.measures(outcomes, TRACKS)}
    before = {m.key: m.value() for m in whole.measures}
    moved_keys = {key for key in before if before[key] != after[key]}
    assert moved_keys
    assert all(key.startswith(f"retrieval/{OURS}/") for key in moved_keys)
    key = f"retrieval/{OURS}/en->en, one language/R@1"
    assert after[key] < before[key] - 0.3


def test_baselines_bound_the_refusals(whole):
    lines = by_key(as_lines(whole.measures))
    for language in ("ar", "en"):
        assert lines[f"refusal/always answer/{language}/hallucination"].value == 1
        assert lines[f"refusal/always refuse/{language}/hallucination"].value == 0
    errors = [line for key, line in lines.items() if key.endswith("/error")]
    assert all(line.value == 0 for line in errors if line.system == "always answer")
    assert all(line.value == 1 for line in errors if line.system == "always refuse")
    for direction in ("ar->ar", "en->en"):
        key = f"{direction}, one language/R@5"
        assert lines[f"retrieval/{OURS}/{key}"].value > lines[f"retrieval/random/{key}"].value
        assert lines[f"retrieval/bm25/{key}"].value > lines[f"retrieval/random/{key}"].value


def test_two_runs_of_the_same_settings_are_the_same(dataset, fake_sample, tmp_path):
    first = ask(dataset, fake_sample, tmp_path)
    finish(first)
    second = ask(dataset, fake_sample, tmp_path)
    assert first.folder != second.folder
    assert values(first) == values(second)
    assert first.settings["identity"] == second.settings["identity"]
    for change in compare(second, first.folder):
        if change.track != "latency":
            assert (change.verdict, change.better, change.worse) == ("same", 0, 0)
    assert moved(second, first.folder) == []


def test_a_stopped_run_goes_on(dataset, fake_sample, tmp_path, monkeypatch):
    plan = Plan(dataset, tmp_path, limit=6, baselines=False)
    n_done = 0

    def stop(done, total):
        nonlocal n_done
        n_done = done
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(plan, fake_sample, stop)
    (folder,) = tmp_path.iterdir()
    path = folder / OUTCOMES
    lines = path.read_text().splitlines()
    assert len(lines) == 10
    assert "finished" not in read_settings(folder)
    # Killed in the middle of a line.
    path.write_text("\n".join(lines[:9]) + "\n" + lines[9][:40])
    asked = []
    original = type(fake_sample).ask
    monkeypatch.setattr(
        type(fake_sample), "ask", lambda self, *a, **k: asked.append(a) or original(self, *a, **k)
    )
    done = run(plan, fake_sample)
    assert done.folder == folder
    assert path.read_text().splitlines()[:9] == lines[:9]
    assert "finished" not in read_settings(folder)
    finish(done)
    assert "finished" in read_settings(folder)
    assert len(done.outcomes) == len(path.read_text().splitlines())


def test_a_run_compares_with_a_worse_one(dataset, fake_sample, whole, tmp_path):
    silent = ask(dataset, fake_sample, tmp_path, engine=f"{__name__}:Silent")
    changes = {(c.direction, c.name): c for c in compare(whole, silent.folder)}
    change = changes["en->en", "has the answer"]
    assert change.before == 0
    assert change.better > 0
    assert change.worse == 0
    assert change.low >= 0
    change = changes["en", "hallucination"]
    assert (change.before, change.after, change.verdict) == (0, 1, "worse")
    turned = moved(whole, silent.folder)
    assert {case["verdict"] for case in turned} == {"better", "worse"}


def test_runs_on_other_questions_do_not_compare(dataset, fake_sample, whole, tmp_path):
    other = ask(dataset, fake_sample, tmp_path, limit=3)
    with pytest.raises(SourceError, match="was run on other questions"):
        compare(whole, other.folder)
    with pytest.raises(SourceError, match="holds no run"):
        compare(whole, tmp_path / "nowhere")


def test_the_report_is_read_back(whole):
    lines = as_lines(whole.measures)
    saved = json.loads((whole.folder / REPORT).read_text())
    assert [row["name"] for row in saved["measures"]] == [line.name for line in lines]
    assert saved["run"]["identity"] == whole.settings["identity"]
    table = as_table(headlines(lines), "Sample")
    assert "retrieval" in table
    assert "bm25" in table
    for failure in failures(whole):
        assert failure["fault"] in ("hallucination", "refused", "wrong_quote")


def test_a_gate_holds_or_says_what_fell(whole, tmp_path):
    lines = as_lines(whole.measures)
    gate = tmp_path / "gate.toml"
    gate.write_text('[floors]\n"refusal/burhan/en/hallucination" = 0.9\n')
    assert broken(gate, lines) == []
    gate.write_text('[ceilings]\n"refusal/burhan/en/hallucination" = 0.9\n')
    (told,) = broken(gate, lines)
    assert told == "refusal/burhan/en/hallucination is 1.000, its ceiling 0.900"
    gate.write_text('[floors]\n"refusal/burhan/en/halucination" = 0.9\n')
    with pytest.raises(SourceError, match="the run has no measure 'refusal/burhan/en/haluc"):
        broken(gate, lines)
    for text in ("", "floors = 1", "[floors]\nx = 'a'", "[other]\nx = 1", "["):
        gate.write_text(text)
        with pytest.raises(SourceError, match=r"gate\.toml"):
            broken(gate, lines)


def test_what_cannot_be_asked_is_refused_before_anything_is(dataset, fake_sample, tmp_path):
    case = Case("x.en", "who", "en", "Who?", {}, ("nowhere",))
    for asked, error, reason in (
        (Plan(Dataset("mine", (case,)), tmp_path), SourceError, "x.en names the article 'nowhere'"),
        (Plan(dataset, tmp_path, tracks=("speed",)), SettingsError, "track 'speed' is not one of"),
        (Plan(dataset, tmp_path, engine="nosuch"), SettingsError, "engine 'nosuch' cannot be"),
        (Plan(dataset, tmp_path, engine="json:loads"), SettingsError, "engine 'json:loads'"),
        (
            Plan(Dataset("mine", (replace(case, question="x " * 5_000),)), tmp_path),
            SourceError,
            r"x\.en: the question has 9,999 characters",
        ),
    ):
        with pytest.raises(error, match=reason):
            run(asked, fake_sample)
    assert not list(tmp_path.iterdir())


class Failing:
    """Fails at its third question."""

    n_asked = 0

    def __init__(self, assistant):
        self._assistant = assistant

    def ask(self, question, *, filters=None):
        Failing.n_asked += 1
        if Failing.n_asked == 3:
            raise RuntimeError("out of tokens")
        return self._assistant.ask(question, filters=filters)


def test_an_engine_that_fails_keeps_what_was_done(dataset, fake_sample, tmp_path):
    plan = Plan(
        dataset, tmp_path, limit=4, tracks=("refusal",), baselines=False,
        engine=f"{__name__}:Failing",
    )  # fmt: skip
    with pytest.raises(SourceError, match=r"the engine failed on .* \(RuntimeError: out of tokens"):
        run(plan, fake_sample)
    (folder,) = tmp_path.iterdir()
    assert len((folder / OUTCOMES).read_text().splitlines()) == 2
    assert len(run(plan, fake_sample).outcomes) == 8


@pytest.mark.parametrize("track", TRACKS)
def test_each_track_alone(track, dataset, fake_sample, tmp_path):
    done = ask(dataset, fake_sample, tmp_path, tracks=(track,), limit=4)
    lines = as_lines(done.measures)
    assert {line.track for line in lines} == {track}
    assert save_page(done, lines, "ar").exists()


def test_sets_that_know_little(fake_sample, tmp_path):
    """One question; no evidence; nothing unanswerable; one language."""
    article = fake_sample.articles()[0]
    case = Case("1.en", "fact", "en", "What happened?", {}, (article.article_id,), group="g")
    done = run(Plan(Dataset("mine", (case,)), tmp_path), fake_sample)
    lines = as_lines(done.measures)
    assert all(line.low != line.low for line in lines), "one group has no interval"
    save(done, lines)
    assert save_page(done, lines, "en").exists()
    assert as_table(headlines(lines), "mine")


def test_a_model_answers_only_where_it_is_asked_for(dataset, fake_sample, tmp_path):
    quoted = ask(dataset, fake_sample, tmp_path / "a", limit=6)
    with scripted_server() as server:
        server.script = ["NO ANSWER"]
        settings = Settings(min_confidence=0, llm="openai:scripted", llm_url=server.url)
        assistant = Assistant(fake_sample.store, settings)
        same = ask(dataset, assistant, tmp_path / "b", limit=6)
        assert server.seen == []
        assert values(same) == values(quoted)
        ask(dataset, assistant, tmp_path / "c", engine="model", limit=6)
        assert server.seen
    with pytest.raises(SettingsError, match="set BURHAN_LLM"):
        ask(dataset, fake_sample, tmp_path / "d", engine="model")
