"""RemoteMonitor: send the logs of every epoch to a server."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np

from kohort.callbacks.callback import Callback, Logs


class RemoteMonitor(Callback):
    """Sends the logs of each epoch to `root + path` as an HTTP POST.

    The body is JSON (`send_as_json`) or a form with the JSON text as `field`. `headers` are added.
    A server that cannot be reached gives a warning. Needs the package `requests`.

    >>> RemoteMonitor("http://localhost:9000", send_as_json=True).path
    '/publish/epoch/end/'
    """

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: dict[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        super().__init__()
        self.root = root
        self.path = path
        self.field = field
        self.headers = headers
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        try:
            import requests
        except ImportError as error:
            raise ImportError(
                "RemoteMonitor requires the `requests` library. Install it with "
                "`pip install requests`."
            ) from error
        send = {"epoch": epoch, **{name: _plain(value) for name, value in (logs or {}).items()}}
        url = self.root + self.path
        try:
            if self.send_as_json:
                requests.post(url, json=send, headers=self.headers)
            else:
                requests.post(url, {self.field: json.dumps(send)}, headers=self.headers)
        except requests.exceptions.RequestException:
            warnings.warn(f"Could not reach RemoteMonitor root server at {self.root}", stacklevel=2)


def _plain(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return value.item() if value.size == 1 else value.tolist()
    return value
