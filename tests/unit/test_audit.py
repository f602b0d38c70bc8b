"""The audit of the pinned packages, against a service of our own."""

from __future__ import annotations

import importlib.util
import json
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest


@pytest.fixture(scope="module")
def audit(repository):
    spec = importlib.util.spec_from_file_location("audit", repository / "envs/audit.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def service():
    """Knows an advisory for one package."""

    class Answer(BaseHTTPRequestHandler):
        broken = False

        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
            results = [
                {"vulns": [{"id": "PYSEC-1"}]} if one["package"]["name"] == "numpy" else {}
                for one in asked
            ]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"?" if Answer.broken else json.dumps({"results": results}).encode())

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", Answer
    server.shutdown()


def test_every_pin_is_asked_for(audit, repository):
    project = tomllib.loads((repository / "pyproject.toml").read_text("utf-8"))
    asked = {f"{name}=={version}" for name, version in audit.pins()}
    assert set(project["project"]["dependencies"]) <= asked
    assert set(project["tool"]["neuronxa"]["data-packages"]) <= asked
    assert any(pin.startswith("torch==") for pin in asked)


def test_advisories_are_named_and_are_exit_status_1(audit, service, capsys):
    assert audit.main(["--service", service[0]]) == 1
    told = capsys.readouterr().out
    assert "https://osv.dev/PYSEC-1" in told
    assert "1 with advisories" in told


def test_a_service_that_cannot_be_asked_is_no_clean_bill(audit, service, capsys):
    assert audit.main(["--service", "http://127.0.0.1:1"]) == 2
    assert "nothing was checked" in capsys.readouterr().err
    service[1].broken = True
    assert audit.main(["--service", service[0]]) == 2
    assert "nothing was checked" in capsys.readouterr().err
