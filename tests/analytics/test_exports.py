"""Exports: what they hold, who may have them, and that they hold little at a time."""

import csv
import io
import json

import pytest
from asgiref.sync import async_to_sync
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analytics import downloads, exports, rollup
from analytics.exports import DATASETS
from analytics.formats import FORMATS
from chat import labels
from chat.models import Conversation
from tests.chat.desk import conversation, says, staff, writes

pytestmark = pytest.mark.django_db
TABLES = [(dataset, format) for dataset in DATASETS for format in FORMATS]


@pytest.fixture
def anna():
    """Anna was angry; a reviewer says that she was not. A task wrote about her message too."""
    talk = conversation(name="=Anna", email="anna@mail.example")
    row = says(talk, "You lost my parcel, 你好", "Negative", 0.93)
    labels.review(row, staff("reviewer"), "corrected", "Neutral", "+irony")
    writes(row.message)
    return talk


def address(dataset: str, format: str = "csv") -> str:
    return reverse("analytics:export", args=[dataset, format])


def body(response) -> str:
    async def read() -> str:
        return b"".join([part async for part in response.streaming_content]).decode()

    return async_to_sync(read)()


def rows(response) -> list[dict]:
    return list(csv.DictReader(io.StringIO(body(response).removeprefix("\ufeff"), newline="")))


class TestATable:
    def test_of_conversations_says_how_each_of_them_went(self, lead, anna):
        (row,) = rows(lead.get(address("conversations")))
        assert (row["id"], row["name"]) == (str(anna.pk), "'=Anna")
        assert (row["status"], row["messages"], row["mood_score"]) == ("bot", "2", "0.0")

    def test_of_messages_holds_every_word(self, lead, anna):
        found = rows(lead.get(address("messages")))
        assert [row["role"] for row in found] == ["visitor", "assistant"]
        assert found[0]["text"] == "You lost my parcel, 你好"
        assert found[0]["label"] == "Neutral"

    def test_of_classifications_has_the_model_s_label_and_the_one_that_counts(self, lead, anna):
        (row,) = rows(lead.get(address("classifications")))
        assert (row["task"], row["label"], row["decided_label"]) == (
            "sentiment",
            "Negative",
            "Neutral",
        )
        assert json.loads(row["probabilities"])["Negative"] == pytest.approx(0.93)

    def test_of_extractions_has_what_was_written_and_why_it_is_not_valid(self, lead, anna):
        writes(says(anna, "And?", "Neutral").message, '{"order', complete=False)
        valid, cut = rows(lead.get(address("extractions")))
        assert (valid["task"], json.loads(valid["data"])["order"]) == ("details", "A-17")
        assert (valid["problem"], valid["tokens"]) == ("", "20")
        assert (cut["data"], cut["problem"]) == ("", "It was cut at 20 tokens.")
        assert cut["text"] == '{"order'

    def test_of_reviews_says_who_decided_what(self, lead, anna):
        (row,) = rows(lead.get(address("reviews")))
        assert (row["reviewer"], row["verdict"], row["label"]) == (
            "reviewer",
            "corrected",
            "Neutral",
        )
        assert (row["model_label"], row["note"]) == ("Negative", "'+irony")

    @pytest.mark.parametrize(("dataset", "format"), TABLES)
    def test_comes_as_a_file_with_its_columns(self, lead, anna, dataset, format):
        response = lead.get(address(dataset, format))
        assert response.status_code == 200
        assert f'filename="{dataset}-' in response["Content-Disposition"]
        lines = body(response).removesuffix("\n").split("\n")
        head = lines[0].removeprefix("\ufeff")
        columns = head.strip().split(",") if format == "csv" else list(json.loads(head))
        assert columns == list(DATASETS[dataset].columns)

    def test_holds_what_the_filter_of_the_list_finds(self, lead, anna):
        says(conversation(name="Bo"), "Thanks!", "Positive")
        assert len(rows(lead.get(address("conversations")))) == 2
        assert [r["name"] for r in rows(lead.get(address("conversations"), {"q": "bo"}))] == ["Bo"]
        assert len(rows(lead.get(address("messages"), {"band": "positive"}))) == 2
        assert rows(lead.get(address("reviews"), {"band": "positive"})) == []

    def test_refuses_a_filter_that_makes_no_sense_instead_of_giving_all(self, lead, anna):
        response = lead.get(address("conversations"), {"since": "2026-02-31"})
        assert response.status_code == 400
        assert "since" in response.content.decode()

    @pytest.mark.parametrize("name", ["users.csv", "messages.xml", "messages"])
    def test_that_does_not_exist_is_not_found(self, lead, name):
        assert lead.get(f"/dashboard/export/{name}").status_code == 404


@pytest.mark.parametrize(
    "query", [{"has": "sentiment:Neutral"}, {"task": "sentiment"}, {"outcome": "lost"}]
)
class TestATableByLabelOrOutcome:
    @pytest.fixture(autouse=True)
    def many(self, monkeypatch):
        for _ in range(3):
            talk = conversation()
            says(talk, "Where is it?", "Neutral")
            says(talk, "You lost it!", "Negative")
        monkeypatch.setattr(rollup, "MANY", 1)

    def test_knows_what_changed_since_anybody_looked(self, lead, query):
        assert len(rows(lead.get(address("conversations"), query))) == 3

    def test_is_refused_in_words_where_counting_takes_too_long(self, lead, query, monkeypatch):
        monkeypatch.setattr(downloads, "PATIENCE", 0)
        response = lead.get(address("conversations"), query)
        assert response.status_code == 503
        assert "2 conversations" in response.content.decode()
        assert "count_conversations" in response.content.decode()


class TestRights:
    @pytest.mark.parametrize(
        ("role", "status"), [("agent", 403), ("reviewer", 403), ("lead", 200), (None, 403)]
    )
    def test_only_leads_take_tables_out(self, client, anna, role, status):
        client.force_login(staff(role, name=f"my {role}"))
        got = {client.get(address(*table)).status_code for table in TABLES}
        assert got == {status}

    def test_strangers_are_sent_to_the_login(self, client, anna):
        assert all(client.get(address(*table)).status_code == 302 for table in TABLES)

    @pytest.mark.parametrize(("role", "offered"), [("agent", False), ("lead", True)])
    def test_the_list_offers_only_what_one_may_have(self, client, anna, role, offered):
        client.force_login(staff(role))
        page = client.get(reverse("analytics:conversations"), {"q": "anna"}).content.decode()
        assert (f"{address('reviews')}?q=anna" in page) == offered


class TestTheSize:
    @pytest.fixture
    def many(self, monkeypatch):
        monkeypatch.setattr(exports, "CHUNK", 3)
        return Conversation.objects.bulk_create(Conversation(name=f"{i}") for i in range(8))

    def test_every_row_comes_once_whatever_the_chunks(self, lead, many):
        found = rows(lead.get(address("conversations")))
        assert sorted(row["name"] for row in found) == [str(i) for i in range(8)]

    def test_rows_are_read_as_they_are_written_and_no_earlier(self, many):
        async def first_chunk() -> list[dict]:
            return await anext(exports.chunks(DATASETS["conversations"]))

        with CaptureQueriesContext(connection) as caught:
            assert len(async_to_sync(first_chunk)()) == 3
        assert len(caught) == 1


class TestTheCommand:
    def test_writes_to_stdout(self, anna, capsys):
        call_command("export", "messages", format="jsonl")
        first = json.loads(capsys.readouterr().out.splitlines()[0])
        assert first["text"] == "You lost my parcel, 你好"

    def test_writes_a_file_and_counts_its_rows(self, anna, tmp_path, capsys):
        out = tmp_path / "reviews.csv"
        call_command("export", "reviews", "--out", str(out), "--json")
        report = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert report == {"dataset": "reviews", "rows": 1, "out": str(out)}
        assert len(out.read_text("utf-8-sig").splitlines()) == 2

    def test_narrows_by_day_and_status(self, anna, capsys):
        call_command("export", "messages", "--until", "2020-01-01", "--format", "jsonl")
        assert capsys.readouterr().out == ""

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            (["--since", "yesterday"], "--since"),
            (["--status", "lost"], "--status"),
            (["--json"], "--out"),
        ],
    )
    def test_names_the_option_that_makes_no_sense(self, arguments, problem):
        with pytest.raises(CommandError, match=problem):
            call_command("export", "messages", *arguments)


def test_a_transcript_for_paper_holds_every_message_as_text(lead, anna):
    says(anna, "<script>alert(1)</script>", "Neutral")
    page = lead.get(reverse("analytics:printable", args=[anna.pk])).content.decode()
    assert "You lost my parcel, 你好" in page
    assert "corrected by a person" in page
    assert "<script" not in page
