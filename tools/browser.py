"""A headless Chromium that looks at pages as a person would: for the tests and the pictures.

It is Debian's `chromium` and `chromium-driver`, driven by Selenium (extra `test`).
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

SOURCE = Path(__file__).parents[1] / "src"
# TensorBoard's pages lie in shadow roots, which selectors do not enter.
DEEP = """
const found = [];
const walk = (node) => {
  if (node.nodeName === "STYLE" || node.nodeName === "SCRIPT") return;
  if (node.nodeType === 1 && node.matches(arguments[0])) found.push(node);
  if (node.shadowRoot) walk(node.shadowRoot);
  node.childNodes.forEach(walk);
};
walk(document.documentElement);
"""


def missing() -> str | None:
    """Say what keeps a browser from being had; None where nothing does."""
    for name in ("chromium", "chromedriver"):
        if shutil.which(name) is None:
            return f"there is no {name} (Debian's packages chromium and chromium-driver)"
    if importlib.util.find_spec("selenium") is None:
        return "there is no selenium (the extra `test`)"
    return None


@contextmanager
def browser(width: int = 1440, height: int = 900) -> Iterator[Chrome]:
    """Start a browser with a page of the given size, and end it."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    options.add_argument("--headless=new")
    options.add_argument("--disable-background-networking")
    options.add_argument("--disable-dev-shm-usage")  # containers have little
    options.add_argument("--enable-unsafe-swiftshader")  # WebGL without a graphics card
    options.add_argument("--hide-scrollbars")
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    try:
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        driver.set_page_load_timeout(60)
        yield driver
    finally:
        driver.quit()


@contextmanager
def watching(runs: str, folder: Path, *options: str) -> Iterator[str]:
    """Run `kohort watch RUNS` in a folder; give the address that it prints, and end it by Ctrl-C.

    `RuntimeError` where it does not end well.
    """
    command = [sys.executable, "-m", "kohort.cli", "watch", runs, *options]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+/", line)
        if address is None:
            raise RuntimeError(f"kohort watch said: {line}{process.stdout.read()}")
        yield address[0]
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
    if process.returncode:
        raise RuntimeError(f"kohort watch ended with code {process.returncode}: {rest}")


def until(condition: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    """Wait until a condition holds; return its value. `TimeoutError` says what was waited for."""
    last = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > last:
            raise TimeoutError(f"Not within {seconds:.0f} s: {what}")
        time.sleep(0.1)
    return value


def texts(driver: Chrome, selector: str = "*") -> list[str]:
    """Return the text of each element that a selector finds, in shadow roots too."""
    own = "[...node.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data).join('').trim()"
    return driver.execute_script(
        f"{DEEP} return found.map((node) => {own}).filter((text) => text);", selector
    )


def count(driver: Chrome, selector: str) -> int:
    """Count the elements that a selector finds and that take up space on the page."""
    seen = (
        "found.filter((n) => { const b = n.getBoundingClientRect(); return b.width + b.height; })"
    )
    return driver.execute_script(f"{DEEP} return {seen}.length;", selector)


def enter_frames(driver: Chrome) -> None:
    """Go into the innermost of the frames that lie in each other, from the page itself."""
    from selenium.common.exceptions import WebDriverException

    driver.switch_to.default_content()
    find = f"{DEEP} return found[0] ?? null;"
    try:
        while (inner := driver.execute_script(find, "iframe")) is not None:
            driver.switch_to.frame(inner)
    except WebDriverException:  # one that was just being replaced: the caller looks again
        driver.switch_to.default_content()
