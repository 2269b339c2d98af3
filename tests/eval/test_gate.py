"""The real encoder on the sample articles keeps what it could do."""

import pytest

from eval.formats import sample_dataset
from eval.gate import broken
from eval.report import as_lines
from eval.run import Plan, run
from tests.conftest import ROOT


@pytest.mark.encoder
def test_the_sample_keeps_its_floors(sample, tmp_path):
    done = run(Plan(sample_dataset(), tmp_path, limit=60, baselines=False), sample)
    assert broken(ROOT / "tests" / "data" / "gate.toml", as_lines(done.measures)) == []
