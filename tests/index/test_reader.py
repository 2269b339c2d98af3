from dataclasses import dataclass

import numpy as np
import pytest

from index import codes
from index.errors import EncoderError
from index.reader import Passage, open_reader
from index.statistics import centre_tokens
from index.types import LANGUAGES

pytestmark = pytest.mark.encoder

BRIDGE = {
    "en": "The bridge at Zaytara opened in 1931. Building it cost 40,000 dinars. Ships pass below.",
    "ar": "افتُتح جسر زيتارة عام 1931. وكلّف بناء الجسر 40 ألف دينار. وتمر السفن تحت الجسر.",
}
COST = {"en": "How much did the Zaytara bridge cost?", "ar": "كم كلّف بناء جسر زيتارة؟"}
DESIGNER = {"en": "Who designed the Zaytara bridge?", "ar": "من صمّم جسر زيتارة؟"}


@dataclass
class Texts:
    """Texts as the retriever and the index hold them."""

    encoder: object

    def question(self, text, language):
        (encoded,) = self.encoder.encode([text], "query")
        return codes.rotate(centre_tokens(encoded.tokens, self.encoder, "query", language))

    def passage(self, text, language):
        (encoded,) = self.encoder.encode([text], "passage")
        tokens = centre_tokens(encoded.tokens, self.encoder, "passage", language)
        vectors = codes.block([codes.pack(tokens)], self.encoder.dimension).unpacked()
        ends = [n + 1 for n, letter in enumerate(text) if letter == "."]
        return Passage(vectors, np.searchsorted(ends, encoded.spans[:, 1] - 1, side="right"))


@pytest.fixture(scope="module")
def texts(real_encoder):
    return Texts(real_encoder)


def test_the_reader_points_at_the_answer_and_doubts_where_there_is_none(real_encoder, texts):
    reader = open_reader(real_encoder)
    told, missing = [], []
    for asked in LANGUAGES:
        for language in LANGUAGES:
            passage = texts.passage(BRIDGE[language], language)
            (cost,) = reader.read(texts.question(COST[asked], asked), [passage])
            (designer,) = reader.read(texts.question(DESIGNER[asked], asked), [passage])
            assert cost.sentences.sum() == pytest.approx(1, abs=1e-3)
            assert cost.sentences.argmax() == 1
            told.append(cost.answered)
            missing.append(designer.answered)
    # One case proves little: three in four are told apart (docs/training.md).
    assert np.mean(told) > np.mean(missing)


def test_passages_read_together_are_read_as_alone(real_encoder, texts):
    reader = open_reader(real_encoder)
    question = texts.question(COST["ar"], "ar")
    passages = [texts.passage(BRIDGE[language], language) for language in ("ar", "en")]
    passages.append(Passage(passages[0].vectors[:5], passages[0].sentence[:5]))
    together = reader.read(question, passages)
    for passage, one in zip(passages, together, strict=True):
        (alone,) = reader.read(question, [passage])
        assert len(one.sentences) == passage.sentence.max() + 1
        assert one.answered == pytest.approx(alone.answered, abs=0.5)  # 8 bits, one scale a batch
        assert np.abs(one.sentences - alone.sentences).max() < 0.15
    assert reader.read(question, []) == []


def test_a_reader_of_another_encoder_is_refused(real_encoder):
    @dataclass
    class Other:
        fingerprint = "other:1"
        reader = real_encoder.reader

    with pytest.raises(EncoderError, match="was made for the encoder"):
        open_reader(Other())


def test_an_encoder_without_one_has_none(fake_encoder):
    assert open_reader(fake_encoder) is None
