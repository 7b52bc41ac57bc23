import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from crmlab.runs import manifest
from crmlab.runs.run import Published

Run = Callable[..., Published]


def read(done: Published) -> dict[str, object]:
    return json.loads((done.folder / "manifest.json").read_text(encoding="utf-8"))


def test_the_manifest_says_what_was_asked_and_what_came_out(run: Run) -> None:
    """Parameters, input, account, fits, versions and every file's digest are on record."""
    done = run("complete", margin=0.2)
    found = read(done)
    digests = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in done.folder.iterdir()
        if path.name != "manifest.json"
    }

    assert (1, "published", 0, []) == tuple(
        found[key] for key in ("schema_version", "status", "exit_code", "missing")
    )
    assert done.folder.name == found["run_id"]
    assert (0.2, "1998-06-30") == (
        found["parameters"]["margin"],
        found["parameters"]["observation_end"],
    )
    assert "margin" not in found["assumed"]
    assert {"source": "cdnow", "fingerprint": "abc", "tables": {}} == found["input"]
    assert ({"read": 3, "used": 2}, {"BGNBD": {"converged": True}}) == (
        found["account"],
        found["fits"],
    )
    assert {"python", *manifest.PACKAGES} == set(found["versions"])
    assert None not in found["versions"].values()
    assert digests == {name: entry["sha256"] for name, entry in found["outputs"].items()}
    assert found["started"] <= found["ended"]


def test_the_source_is_on_record_as_it_was_given(
    run: Run, tmp_path: Path, monkeypatch: object
) -> None:
    """A manifest can be shown around without the paths of the machine that made it."""
    monkeypatch.chdir(tmp_path)
    Path("orders.csv").write_text("customer_id,date,amount\n")
    Path("cac.csv").write_text("channel,cost\nweb,3\n")
    given = {"source": "orders.csv", "acquisition_cost": "cac.csv"}
    found = read(run("complete", **given, observation_end="2026-06-30"))

    assert given == {name: found["parameters"][name] for name in given}
    assert "orders.csv" == found["input"]["source"]
    assert str(tmp_path) not in json.dumps(found["parameters"])


def test_a_checkout_is_named_by_its_revision(tmp_path: Path) -> None:
    """Revision and dirty flag are those of git; a folder that is no checkout has none."""
    assert manifest.revision(tmp_path / "installed") is None

    def git(*arguments: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@b.example")
        command = ["git", "-C", str(tmp_path), *who, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "first")
    clean = manifest.revision(tmp_path)
    (tmp_path / "new").touch()
    manifest.revision.cache_clear()

    assert {"revision": git("rev-parse", "HEAD"), "dirty": False} == clean
    assert {"revision": git("rev-parse", "HEAD"), "dirty": True} == manifest.revision(tmp_path)
