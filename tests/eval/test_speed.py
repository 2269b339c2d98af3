from eval.speed import enlarge
from index.ingest import index_sources
from index.store import Store
from rag.assistant import Assistant
from rag.settings import Settings
from tests.conftest import SAMPLE


def test_an_enlarged_index_answers_as_before(fake_encoder, tmp_path):
    folder = tmp_path / "index"
    index_sources([SAMPLE], folder, fake_encoder)
    n_chunks = sum(Store(folder, fake_encoder).snapshot().n_chunks(x) for x in ("ar", "en"))
    enlarge(folder, 2 * n_chunks + 5)
    store = Store(folder, fake_encoder)
    assert sum(store.snapshot().n_chunks(x) for x in ("ar", "en")) == 2 * n_chunks + 5
    answer = Assistant(store, Settings(min_confidence=0)).ask("How high is the Shumar dam?")
    assert "68 metres" in answer.text
