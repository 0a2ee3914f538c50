"""The read API: what it answers, page by page, and to whom."""

from uuid import uuid4

import pytest
from django.urls import reverse

from chat import labels, tokens
from chat.models.token import Readable
from tests.chat.desk import ROLES, conversation, says, staff, writes

pytestmark = pytest.mark.django_db
TABLES = Readable.values


@pytest.fixture
def anna():
    talk = conversation(name="Anna", language="zh")
    row = says(talk, "<b>Parcel</b> lost, 你好", "Negative", 0.93)
    labels.review(row, staff("reviewer"), "corrected", "Neutral", "irony")
    writes(row.message)
    return talk


class Caller:
    """A program with a token."""

    def __init__(self, client, owner, rights):
        self.client = client
        _, text = tokens.issue(owner, "Program", list(rights))
        self.headers = {"Authorization": f"Bearer {text}"}

    def get(self, path: str, **asked):
        return self.client.get(f"/api/v1/{path}", asked, headers=self.headers)

    def items(self, path: str, **asked) -> list[dict]:
        response = self.get(path, **asked)
        assert response.status_code == 200, response.content
        return response.json()["items"]


@pytest.fixture
def program(client):
    return Caller(client, staff("lead"), TABLES)


class TestATable:
    def test_of_conversations(self, program, anna):
        (row,) = program.items("conversations")
        assert (row["id"], row["name"], row["status"]) == (str(anna.pk), "Anna", "bot")
        assert (row["messages"], row["mood_score"], row["mood_trend"]) == (2, 0.0, None)

    def test_of_messages(self, program, anna):
        visitor, reply = program.items("messages", conversation=anna.pk)
        assert (visitor["text"], visitor["label"]) == ("<b>Parcel</b> lost, 你好", "Neutral")
        assert (reply["role"], reply["score"]) == ("assistant", None)

    def test_of_classifications(self, program, anna):
        (row,) = program.items("classifications")
        assert (row["label"], row["decided_label"]) == ("Negative", "Neutral")
        assert row["probabilities"]["Negative"] == pytest.approx(0.93)

    def test_of_extractions(self, program, anna):
        (row,) = program.items("extractions", task="details", conversation=anna.pk)
        assert row["data"]["action"] == "refund"
        assert program.items("extractions", task="topic") == []
        writes(says(anna, "And?", "Neutral").message, '{"order', complete=False)
        row = program.items("extractions")[1]
        assert (row["data"], row["problem"]) == (None, "It was cut at 20 tokens.")

    def test_of_reviews(self, program, anna):
        (row,) = program.items("reviews")
        assert (row["reviewer"], row["verdict"], row["note"]) == ("reviewer", "corrected", "irony")

    def test_is_narrowed(self, program, anna):
        says(conversation(name="Bo"), "Thanks", "Positive")
        assert [row["name"] for row in program.items("conversations", language="zh")] == ["Anna"]
        assert program.items("conversations", status="closed") == []
        assert len(program.items("messages", since="2020-01-01T00:00:00Z")) == 4
        assert program.items("messages", until="2020-01-01T00:00:00+08:00") == []

    def test_comes_in_pages_that_hold_every_row_once(self, program, anna):
        for _ in range(3):
            says(anna, "Hello?", "Neutral")
        seqs, after = [], {}
        while after is not None:
            page = program.get("messages", limit=3, **after).json()
            seqs += [row["seq"] for row in page["items"]]
            after = {"after": page["next"]} if page["next"] else None
        assert seqs == list(range(1, 9))

    def test_costs_the_same_whatever_its_size(self, program, anna, django_assert_max_num_queries):
        with django_assert_max_num_queries(8) as few:
            program.items("reviews")
        for _ in range(3):
            row = says(anna, "Bad", "Negative")
            labels.review(row, staff("reviewer", f"r{row.pk}"), "confirmed")
        with django_assert_max_num_queries(len(few)):
            program.items("reviews")


def test_one_conversation_is_read_by_its_id(program, anna):
    assert program.get(f"conversations/{anna.pk}").json()["name"] == "Anna"
    assert program.get(f"conversations/{uuid4()}").status_code == 404
    assert program.get("conversations/none").status_code == 404


@pytest.mark.parametrize(
    ("table", "asked"),
    [
        ("messages", {"limit": 0}),
        ("messages", {"limit": 100_000}),
        ("messages", {"after": "x"}),
        ("messages", {"after": 2**63}),
        ("messages", {"conversation": "x"}),
        ("messages", {"since": "yesterday"}),
        ("messages", {"since": "2026-03-29T02:30:00"}),
        ("messages", {"until": "9999-12-31T23:59:59-12:00"}),
        ("conversations", {"status": "lost"}),
        ("conversations", {"language": "zh\0"}),
        ("extractions", {"task": "details\0"}),
        ("extractions", {"task": "x" * 51}),
        ("conversations", {"after": "7"}),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_by_name(program, table, asked):
    response = program.get(table, **asked)
    assert response.status_code == 422
    assert next(iter(asked)) in response.content.decode()


class TestRights:
    @pytest.mark.parametrize("given", TABLES)
    @pytest.mark.parametrize("asked", TABLES)
    def test_a_token_reads_the_tables_it_was_given(self, client, given, asked):
        program = Caller(client, staff("lead"), [given])
        response = program.get(asked)
        assert response.status_code == (200 if given == asked else 403)
        if given != asked:
            assert response.json()["detail"] == f"This token may not read {asked}."

    @pytest.mark.parametrize(("role", "status"), [*((role, 200) for role in ROLES), (None, 403)])
    def test_and_only_while_its_owner_may(self, client, role, status):
        program = Caller(client, staff(role), TABLES)
        assert {program.get(table).status_code for table in TABLES} == {status}

    @pytest.mark.parametrize(
        "header", [None, "Bearer", "Bearer ", "Bearer desk_wrong", "Basic YTpi", "desk_wrong"]
    )
    def test_without_a_token_that_works_there_is_nothing(self, client, anna, header):
        client.force_login(staff("lead"))  # a session is no token
        headers = {"Authorization": header} if header else {}
        for table in TABLES:
            assert client.get(f"/api/v1/{table}", headers=headers).status_code == 401

    def test_nothing_is_written_here(self, program):
        address = "/api/v1/messages"
        for method in ("post", "put", "patch", "delete"):
            answer = getattr(program.client, method)(address, headers=program.headers)
            assert answer.status_code == 405


class TestTheDocumentation:
    PAGES = [reverse("api:openapi-view"), reverse("api:openapi-json")]

    def test_is_for_staff(self, client):
        assert all(client.get(page).status_code == 302 for page in self.PAGES)
        client.force_login(staff(None))
        assert all(client.get(page).status_code == 403 for page in self.PAGES)

    def test_loads_nothing_from_elsewhere(self, client):
        client.force_login(staff("agent"))
        page = client.get(self.PAGES[0])
        assert "//" not in page.content.decode().replace("http://testserver", "")
        assert "unsafe" not in page["Content-Security-Policy"]

    def test_names_every_table_and_its_rights(self, client):
        client.force_login(staff("agent"))
        described = client.get(self.PAGES[1]).json()
        assert {f"/api/v1/{table}" for table in TABLES} <= set(described["paths"])
        assert "bearer" in str(described["components"]["securitySchemes"])
