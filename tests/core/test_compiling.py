"""The options that whole programs are compiled with."""

import jax
import pytest

from kohort.core import compiling


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="options of XLA for a CPU")
class TestOptions:
    def test_xla_knows_them(self):
        assert compiling._options() == compiling._OPTIONS

    def test_what_the_user_set_stays(self, monkeypatch):
        monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_prefer_vector_width=256")
        assert list(compiling._options.__wrapped__()) == ["xla_cpu_experimental_ynn_fusion_type"]

    def test_another_version_of_xla_compiles_with_those_it_knows(self, monkeypatch):
        known = {"xla_cpu_prefer_vector_width": "512"}
        monkeypatch.setattr(compiling, "_OPTIONS", {"xla_cpu_of_yesterday": "1", **known})
        assert compiling._options.__wrapped__() == known
