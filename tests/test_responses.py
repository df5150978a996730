"""Responses to gaps: who may write them and how, that every report has them, and that they change nothing else."""

from __future__ import annotations

import csv
import fcntl
import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import Demo, Sopkg
from flask.testing import FlaskClient
from stores import small_store

from sopkg.answers import Answers
from sopkg.dates import today
from sopkg.respond import read_responses, replace_responses
from sopkg.settings import Settings
from sopkg.store import SnapshotStore
from sopkg.web import create_app

CASES = Path(__file__).parent / "responses"
FILE, DAY = CASES / "buenos-aires.csv", "2026-11-23"
TOKEN = "a token of the tests"
BEARER = {"yes": {"Authorization": f"Bearer {TOKEN}"}, "other": {"Authorization": "Bearer another"}, "no": {}}
ACCEPTED, THIRD = "G16b-001621572bfa", "G16b-06e62b681415"
REASON = "The building is given up"
CITY = "buenos-aires"
AUDIT = ("audit", "--city", CITY)
GIVEN = {"kind": "disputed", "by": "Department of works", "reason": "It is led", "until": "2099-12"}
ADDRESS = f"/gaps/{THIRD}/responses"


def rows_of(name: str) -> list[dict[str, str]]:
    with open(CASES / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def store(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration with the responses of the case's file."""
    folder = tmp_path_factory.mktemp("responses") / "store"
    SnapshotStore(demo.store).backup(folder)
    assert replace_responses(SnapshotStore(folder), CITY, read_responses(FILE, CITY, DAY)) == (3, 0)
    return folder


@pytest.fixture(scope="module")
def client(store: Path) -> Iterator[FlaskClient]:
    """The service, where editors have a token."""
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    app = create_app(Settings(store=store, workers=1, allow_no_netns=True, editor_hash=digest, lock_seconds=0.3))
    yield app.test_client()
    app.extensions["sopkg"].pool.close()


@pytest.fixture(scope="module")
def answers(client: FlaskClient) -> Answers:
    """What the service asks."""
    return client.application.extensions["sopkg"]


@pytest.mark.parametrize("case", rows_of("faults.csv"), ids=lambda case: f"{case['status']} {case['says']}")
def test_a_fault_is_told(case: dict[str, str], client: FlaskClient) -> None:
    told = client.post(ADDRESS, data=case["body"], content_type=case["type"], headers=BEARER[case["token"]])
    assert (str(told.status_code), told.content_type) == (case["status"], "application/problem+json")
    assert case["says"] in told.get_json(force=True)["detail"]
    assert TOKEN not in told.text
    assert "another" not in told.text
    assert told.headers.get("WWW-Authenticate", "").startswith("Bearer") == (case["status"] == "401")


def test_nobody_writes_where_no_role_has_a_token(answers: Answers) -> None:
    without = create_app(Settings(store=answers.settings.store), answers=Answers(Settings(), answers.pool))
    told = without.test_client().post(ADDRESS, json=GIVEN, headers=BEARER["yes"])
    assert (told.status_code, told.content_type) == (403, "application/problem+json")
    assert "SOPKG_AUDITOR_HASH" in told.text


@pytest.mark.parametrize("form", ["json", "data"])
def test_an_editor_answers_once(form: str, client: FlaskClient) -> None:
    given = {**GIVEN, "reason": f"It is led, says {form}"}
    told = [client.post(ADDRESS, headers=BEARER["yes"], **{form: given}) for _ in range(2)]
    assert [each.status_code for each in told] == [201, 200]
    assert (told[0].json, told[0].headers["Location"]) == (told[1].json, ADDRESS)
    assert told[0].json in client.get(ADDRESS).json
    assert given["reason"] in client.get(f"{ADDRESS}?format=csv").text


def test_no_gap_no_response(client: FlaskClient) -> None:
    told = client.post(f"/gaps/{THIRD}0/responses", json=GIVEN, headers=BEARER["yes"])
    assert (told.status_code, THIRD in told.text) == (404, True)
    assert client.get(f"/gaps/{THIRD}0/responses").status_code == 404


def test_two_writers_do_not_mix(client: FlaskClient, store: Path) -> None:
    def write(reason: str) -> int:
        return client.application.test_client().post(
            ADDRESS, json={**GIVEN, "reason": reason}, headers=BEARER["yes"]
        ).status_code

    with ThreadPoolExecutor(2) as threads:
        status = dict(zip("AB", threads.map(write, "AB"), strict=True))
    with open(store / "lock", "a+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert write("C") == 409
    assert set(status.values()) <= {201, 409}
    reasons = {each["reason"] for each in client.get(ADDRESS).json}
    assert reasons & set("ABC") == {reason for reason, code in status.items() if code == 201}


@pytest.mark.parametrize("form", ["table", "json", "csv", "turtle", "junit", "sarif"])
def test_every_audit_has_the_responses(form: str, answers: Answers) -> None:
    assert REASON in answers.audit(CITY, None).written(form)


@pytest.mark.parametrize("form", ["text", "json", "turtle"])
def test_every_explanation_has_the_responses(form: str, answers: Answers) -> None:
    assert REASON in answers.why(ACCEPTED, form)


@pytest.mark.parametrize("address", ["/gaps?kind=G16b", "/gaps?kind=G16b&format=csv", f"/gaps/{ACCEPTED}"])
def test_every_address_has_the_responses(address: str, client: FlaskClient) -> None:
    assert REASON in client.get(address).text


def test_nothing_else_changes(demo: Demo, sopkg: Sopkg, answers: Answers) -> None:
    before = json.loads(sopkg(demo.store, *AUDIT, "--format", "json").stdout)
    after = json.loads(answers.audit(CITY, None).written("json"))
    assert [{**row, "responses": []} for row in after] == before
    assert {row["id"] for row in after if row["responses"]} >= {row["gap"] for row in rows_of(FILE.name)}


@pytest.mark.parametrize("case", rows_of("states.csv"), ids=lambda case: f"{case['kind']} {case['state']}")
def test_a_response_has_its_state_at_each_date(case: dict[str, str], answers: Answers) -> None:
    (row,) = [row for row in answers.gaps({"city": CITY, "date": case["observed"]}) if row["id"] == case["gap"]]
    (told,) = [each for each in row["responses"] if each["kind"] == case["kind"]]
    assert (told["state"], told["suppression"]) == (case["state"], case["suppression"])


@pytest.mark.parametrize(("lacking", "code"), [((ACCEPTED,), 0), ((ACCEPTED, THIRD), 1)])
def test_accepted_gaps_are_passed_over_and_counted(
    lacking: tuple[str, ...], code: int, sopkg: Sopkg, answers: Answers, store: Path, tmp_path: Path
) -> None:
    found, baseline = answers.gaps({"city": CITY}), tmp_path / "baseline.json"
    baseline.write_text(json.dumps([row for row in found if row["id"] not in lacking]), "utf-8")
    assert answers.audit(CITY, None).beside(json.loads(baseline.read_text("utf-8"))).fails(None)
    told = sopkg(store, *AUDIT, "--baseline", str(baseline), "--pass-accepted", "--format", "json")
    assert (told.exit_code, json.loads(told.stdout)) == (code, found)
    assert f"accepted risks: 1 of the gaps that would make this fail: {ACCEPTED}\n" in told.stderr


def test_a_file_tells_all_of_a_city(sopkg: Sopkg, tmp_path: Path) -> None:
    store, path = small_store(tmp_path / "s").path, tmp_path / "responses.csv"
    load = ("load-responses", str(path), "--city", CITY)
    path.write_bytes(FILE.read_bytes())
    assert "3 responses: 3 added, 0 withdrawn" in sopkg(store, *load).stdout
    path.write_bytes(b"".join(FILE.read_bytes().splitlines(keepends=True)[:-1]))
    told = sopkg(store, *load)
    assert "2 responses: 0 added, 1 withdrawn" in told.stdout
    assert f"no observation here shows these gaps (closed, or misspelt): {ACCEPTED}" in told.stderr
    with SnapshotStore(store).reading() as published:
        assert "begun" not in "".join(map(str, published))


def test_what_is_listed_can_be_loaded(answers: Answers, sopkg: Sopkg, store: Path, tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text(sopkg(store, "responses", "--city", CITY, "--format", "csv").stdout, "utf-8")
    read = read_responses(tmp_path / "f.csv", CITY, today())
    assert {each.iri for each in read} == {row["response"] for row in answers.responses()}


@pytest.mark.parametrize("case", rows_of("lines.csv"), ids=lambda case: case["says"])
def test_a_faulty_line_is_told(case: dict[str, str], sopkg: Sopkg, tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text(f"gap,kind,by,reason,on,until\n{case['line']}\n", "utf-8")
    told = sopkg(tmp_path / "none", "load-responses", str(tmp_path / "f.csv"), "--city", CITY)
    assert (told.exit_code, case["says"] in told.stderr, told.stderr.count("\n")) == (2, True, 1)


def test_a_backup_has_the_responses(answers: Answers, sopkg: Sopkg, store: Path, tmp_path: Path) -> None:
    SnapshotStore(store).backup(tmp_path / "backup")
    told = json.loads(sopkg(tmp_path / "backup", "responses", "--format", "json").stdout)
    assert len(told) >= 3
    assert told == answers.responses()
