"""Alerts at the webhook: signed, tried again, given up in the end, and sent by one process only."""

import hashlib
import hmac
import json
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from django.urls import reverse
from django.utils import timezone

from chat import upkeep, webhooks
from chat.models import AlertRule, Delivery
from tests.chat.desk import conversation, says, staff
from tests.site import free_port

SECRET = "a secret of some length"


class Receiver(BaseHTTPRequestHandler):
    """Answers with the statuses it was given, then with 204; keeps what it got."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.headers[webhooks.SIGNATURE], body))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 204)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def receiver(settings):
    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        server.got, server.statuses = [], []
        Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        settings.ALERT_WEBHOOK_URL = f"http://127.0.0.1:{server.server_port}/hook"
        settings.ALERT_WEBHOOK_SECRET = SECRET
        yield server
        server.shutdown()


@pytest.fixture
def alert(db, receiver):
    """One alert about Anna, on its way."""
    AlertRule.objects.exclude(kind="message").update(enabled=False)
    row = says(conversation(name="Anna"), "You lost my parcel!", "Negative", 0.97)
    return row.message.alerts.get()


def deliver() -> int:
    """What a process does about deliveries that are due."""
    tried = 0
    while row := webhooks.claim():
        webhooks.settle(row, webhooks.attempt(row))
        tried += 1
    return tried


def make_due() -> None:
    Delivery.objects.exclude(due=None).update(due=timezone.now())


def test_an_alert_arrives_without_anybody_s_words(alert, receiver):
    assert deliver() == 1
    ((_, body),) = receiver.got
    got = json.loads(body)
    assert (got["id"], got["rule"], got["reason"]) == (alert.pk, str(alert.rule), "97% negative")
    assert (got["conversation"], got["seq"]) == (str(alert.conversation_id), 1)
    assert b"parcel" not in body
    assert b"Anna" not in body
    delivery = Delivery.objects.get()
    assert (bool(delivery.delivered), delivery.due, delivery.error) == (True, None, "")
    assert deliver() == 0


def test_it_is_signed_with_its_moment_as_the_documentation_says(alert, receiver):
    deliver()
    ((header, body),) = receiver.got
    t, v1 = (part.split("=", 1)[1] for part in header.split(","))
    assert v1 == hmac.new(SECRET.encode(), f"{t}.".encode() + body, hashlib.sha256).hexdigest()
    assert webhooks.sign(body, int(t) + 1) != header


@pytest.mark.parametrize("status", [301, 307, 400, 410, 500])
def test_whatever_is_not_accepted_is_tried_again_later(alert, receiver, status):
    receiver.statuses = [status]
    deliver()
    delivery = Delivery.objects.get()
    assert delivery.error == f"HTTP {status}"
    assert delivery.due > timezone.now()
    assert deliver() == 0  # not yet
    make_due()
    assert deliver() == 1
    assert Delivery.objects.get().delivered
    assert len(receiver.got) == 2  # a redirect was not followed


def test_it_is_given_up_after_the_last_attempt(alert, receiver):
    receiver.statuses = [500] * 20
    for _ in range(10):
        make_due()
        deliver()
    delivery = Delivery.objects.get()
    assert (delivery.attempts, delivery.due, delivery.delivered) == (6, None, None)
    assert len(receiver.got) == 6


def test_the_list_of_alerts_says_what_became_of_it(client, alert, receiver):
    client.force_login(staff("lead"))

    def listed() -> str:
        return client.get(reverse("admin:chat_alert_changelist")).content.decode()

    assert "On its way" in listed()
    receiver.statuses = [503]
    deliver()
    assert "Attempt 1 failed: HTTP 503" in listed()
    make_due()
    deliver()
    assert "Delivered" in listed()


def test_attempts_come_further_and_further_apart():
    assert sorted(webhooks.WAITS) == webhooks.WAITS
    assert webhooks.WAITS[0] < timedelta(minutes=1) < timedelta(hours=1) < webhooks.WAITS[-1]


def test_nobody_there_is_an_error_like_any_other(alert, settings):
    settings.ALERT_WEBHOOK_URL = f"http://127.0.0.1:{free_port()}/"
    deliver()
    assert "refused" in Delivery.objects.get().error


def test_two_processes_do_not_send_the_same_alert(alert):
    assert webhooks.claim().alert == alert
    assert webhooks.claim() is None


def test_a_process_claims_what_it_posts_next_and_leaves_the_rest(alert):
    other = says(conversation(), "Awful", "Negative", 0.97).message.alerts.get()
    assert webhooks.claim().alert == alert
    assert webhooks.claim().alert == other  # by another process, while the first is posted


@pytest.mark.parametrize(("late", "error"), [("HTTP 500", ""), ("", "HTTP 500")])
def test_a_process_that_took_too_long_leaves_alone_what_another_settled(alert, late, error):
    slow = webhooks.claim()
    make_due()  # the claim has run out
    webhooks.settle(webhooks.claim(), error)
    webhooks.settle(slow, late)
    delivery = Delivery.objects.get()
    assert (delivery.attempts, delivery.error) == (1, error)
    assert bool(delivery.delivered) is not bool(error)


def test_every_attempt_counts_whoever_made_it(alert):
    for attempts in (1, 2, 3):
        webhooks.settle(webhooks.claim(), "HTTP 500")
        make_due()
        assert Delivery.objects.get().attempts == attempts


def test_a_process_that_dies_over_a_delivery_leaves_it_to_another(alert, receiver):
    webhooks.claim()
    make_due()  # the claim has run out
    assert deliver() == 1


@pytest.mark.parametrize("how", ["no address", "not wanted", "old message"])
def test_nothing_is_sent_where_nothing_is_to_be_sent(db, receiver, settings, how):
    if how == "no address":
        settings.ALERT_WEBHOOK_URL = ""
    AlertRule.objects.update(webhook=how != "not wanted")
    says(conversation(), "Awful", "Negative", 0.97, days_ago=how == "old message")
    assert not Delivery.objects.exists()


@pytest.mark.django_db(transaction=True)
async def test_the_running_site_delivers_by_itself(receiver):
    def raise_alert():
        says(conversation(), "Awful", "Negative", 0.97)

    await upkeep.turns.in_thread(raise_alert)()
    await upkeep.deliver()
    assert len(receiver.got) == 1
    assert (await Delivery.objects.aget()).delivered
