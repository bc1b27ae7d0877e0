"""A headless Chromium finds the pages of TensorBoard and of `kohort watch` filled."""

import json
import threading

import pytest

from kohort.cli.report_server import ReportServer
from kohort.monitor import write_hparams
from tools.browser import browser, count, enter_frames, missing, texts, until, watching
from tools.screenshots import ADDRESSES, open_page, write_fit

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))


@pytest.fixture(scope="module")
def driver():
    with browser(1200, 750) as driver:
        yield driver


class TestWatch:
    @pytest.fixture
    def runs(self, tmp_path):
        for name, state in (("first", "done"), ("second", "running")):
            folder = tmp_path / name
            folder.mkdir()
            (folder / "config.json").write_text(json.dumps({"data": name, "state": state}))
            (folder / "log.txt").write_text(f"The log of {name}.\n")
        return tmp_path

    @pytest.fixture
    def address(self, runs):
        with ReportServer(runs, ("127.0.0.1", 0)) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            yield server.url
            server.shutdown()
            thread.join()

    def test_reports_are_shown_and_follow_the_run(self, driver, runs, address):
        report = runs / "second" / "report.html"

        def shows(text):
            enter_frames(driver)
            found = text in " ".join(texts(driver, "body, body *"))
            driver.switch_to.default_content()
            return found

        driver.get(f"{address}#second")
        assert until(lambda: texts(driver, "nav a"), "the index") == ["first", "second"]
        assert texts(driver, "nav small") == ["done", "running"]
        until(lambda: shows("The log of second."), "the log, as there is no report yet")
        written = "<p style='height:3000px'>Stage 1</p><script>document.body.id = 'ran'</script>"
        report.write_text(written)
        until(lambda: shows("Stage 1"), "the report, once it is there")
        inner = "const inner = document.querySelector('iframe').contentWindow; "
        ready = f"{inner} return inner.document.readyState === 'complete'"
        until(lambda: driver.execute_script(ready), "the whole report")
        driver.execute_script(f"{inner} inner.scrollTo(0, 700)")
        report.write_text(written + "<p>Stage 2</p>")
        until(lambda: shows("Stage 2"), "the report, changed")
        place = f"{inner} return inner.scrollY"
        until(lambda: driver.execute_script(place) == 700, "the place where the reader was")
        ran = f"{inner} return inner.document.body.id"
        assert driver.execute_script(ran) == ""  # no script of a report runs
        driver.find_element("css selector", "nav a").click()
        until(lambda: shows("The log of first."), "the other run")
        assert report.read_text() == written + "<p>Stage 2</p>"

    def test_the_page_says_that_the_server_ended(self, driver, address):
        driver.get(address)
        until(lambda: texts(driver, "nav a"), "the index")
        driver.execute_script("fetch = () => Promise.reject()")
        until(lambda: texts(driver, "#news") == ["kohort watch has ended"], "the news")


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """TensorBoard, started by `kohort watch`, on a fit and a search."""

    class Search:
        def table(self):
            hp = [{"units": 8, "rate": 0.1}, {"units": 32, "rate": 0.3}]
            return [
                {"number": i, "state": "complete", "values": [0.5 - i / 8], "hp": hp[i]}
                for i in range(2)
            ]

    folder = tmp_path_factory.mktemp("work")
    write_fit(folder / "logs" / "fit", epochs=3)
    write_hparams(Search(), folder / "logs" / "search")
    with watching("logs", folder) as address:
        yield address


class TestTensorBoard:
    @pytest.mark.parametrize("page", list(ADDRESSES))
    def test_page_is_filled(self, driver, board, page):
        open_page(driver, board, page)
        getattr(self, f"look_at_{page}")(driver)

    def look_at_scalars(self, driver):
        assert {"epoch_loss", "epoch_accuracy", "epoch_learning_rate"} <= set(texts(driver))
        assert {"0", "1", "2"} <= set(texts(driver, "svg text"))  # the epochs
        assert "0.02" in texts(driver, "svg text")  # the learning rate

    def look_at_histograms(self, driver):
        kinds = ("activations/hidden", "gradients/hidden/kernel", "hidden/kernel", "hidden/bias")
        assert {f"{kind}/histogram" for kind in kinds} <= set(texts(driver))
        assert count(driver, "g.histogram") % 3 == 0  # one each epoch

    def look_at_graph(self, driver):
        assert set(texts(driver, "text.nodelabel")) == {
            "words", "numbers", "embedding", "average", "both", "hidden", "answer",
        }  # fmt: skip

    def look_at_projector(self, driver):
        enter_frames(driver)
        assert {"1 tensor found", "embedding/embeddings"} <= set(texts(driver))
        labels = "[title='embeddings/embedding_labels.tsv']"
        until(lambda: count(driver, labels), "the file of the labels")
        assert texts(driver, ".dim") == ["8"]
        driver.switch_to.default_content()

    def look_at_hparams(self, driver):
        cells = set(texts(driver))
        assert {"search/trial_0000", "search/trial_0001", "rate", "units"} <= cells
        assert {"8.0000", "32.000", "0.10000", "0.30000", "0.50000", "0.37500"} <= cells
