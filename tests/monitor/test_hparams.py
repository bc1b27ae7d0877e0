"""A search on the HParams page."""

import os

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from kohort.monitor import write_hparams


class Search:
    def table(self):
        hp = {"units": np.int64(8), "act": "relu", "norm": True, "widths": [1, 2], "rest": None}
        return [
            {"number": 0, "state": "complete", "values": [0.25], "hp": hp},
            {"number": 1, "state": "failed", "values": None, "hp": {"units": 4}},
            {"number": 2, "state": "waiting", "values": None, "hp": {}},
        ]


def test_each_trial_is_a_session(tmp_path):
    folders = write_hparams(Search(), tmp_path)
    assert [os.path.basename(folder) for folder in folders] == ["trial_0000", "trial_0001"]
    sessions = []
    for folder in folders:
        run = EventAccumulator(folder).Reload()
        content = run.PluginTagToContent("hparams")
        sessions.append({k: HParamsPluginData.FromString(v) for k, v in content.items()})
    experiment = sessions[0]["_hparams_/experiment"].experiment
    assert [info.name for info in experiment.hparam_infos] == ["units", "act", "norm", "widths"]
    assert [info.name.tag for info in experiment.metric_infos] == ["objective_0"]
    start = sessions[0]["_hparams_/session_start_info"].session_start_info.hparams
    assert (start["units"].number_value, start["act"].string_value) == (8, "relu")
    assert start["norm"].bool_value and start["widths"].string_value == "[1, 2]"
    ends = [s["_hparams_/session_end_info"].session_end_info.status for s in sessions]
    assert ends == [1, 2]  # success and failure
