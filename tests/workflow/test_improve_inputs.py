"""`improve` on series, images and texts."""

import numpy as np

from kohort.workflow import capacity, network, series
from kohort.workflow.improve import improve
from kohort.workflow.predict import predict
from tests.workflow.test_improve import QUICK, arrays, few_structures, write_csv  # noqa: F401


def test_a_series(tmp_path, monkeypatch):
    monkeypatch.setattr(series, "LAGS", 3)
    days = np.datetime64("2001-01-01") + np.arange(120)
    values = np.sin(np.arange(120) / 5)
    data = write_csv(tmp_path / "s.csv", zip(days, values, strict=True), ("day", "level"))
    findings = improve(data, "level", out=tmp_path / "run", **QUICK | {"folds": None})
    assert findings.protocol.kind == "time-ordered"
    assert findings.baselines.trivial.name == "the value before"
    assert len(predict(tmp_path / "run", data)[1]) == 120 - 3 + 1


def test_convolutions_and_texts(tmp_path, monkeypatch):
    monkeypatch.setattr(capacity, "CONVOLUTIONS", (network.Setting((3,), filters=(2,)),))
    monkeypatch.setattr(capacity, "EMBEDDINGS", (network.Setting((3,), 0.05, embedding=2),))
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (80, 8, 8)).astype("uint8")
    x[:, 0, 0] = 7  # a pixel that does not vary
    x[::2] //= 4
    found = improve(arrays(tmp_path, x=x, y=np.arange(80) % 2), out=tmp_path / "i", **QUICK)
    assert [r.setting.size for r in found.results if r.stage == "capacity"] == [
        "3", "convolutions 2 + 3"
    ]  # fmt: skip
    words = [["an awful film", "a lovely film"][i % 2] + f" no {i}" for i in range(80)]
    rows = [[text, i % 2] for i, text in enumerate(words)]
    data = write_csv(tmp_path / "t.csv", rows, ("text", "good"))
    found = improve(data, "good", out=tmp_path / "t", **QUICK | {"epochs": 10})
    assert "text: awful" in found.book.features
    assert found.results[2].setting.size == "embedding 2 + 3"
    assert found.results[2].score > 0.9
    _, predicted = predict(tmp_path / "t", data)
    chances = [predicted[row][2] for row in found.protocol.test]
    np.testing.assert_allclose(chances, found.test.prediction, rtol=1e-4)
