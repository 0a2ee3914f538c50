"""A visitor chats: the protocol through the real ASGI stack, with a scripted engine."""

import pytest
from django.utils import timezone

from chat import bell, calibrations
from chat.models import Classification, Conversation, Message
from inference.models import Task

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_message_is_acknowledged_answered_and_done(engine, visit):
    visitor = await visit()
    mine, reply = await visitor.say("Hi")
    done = await visitor.receive("done", seq=reply["seq"])
    assert (mine["role"], mine["state"], mine["text"]) == ("visitor", "done", "Hi")
    assert (reply["seq"], reply["text"], reply["client_id"]) == (mine["seq"] + 1, "", None)
    assert (done["state"], done["text"]) == ("done", "Hello there, friend.")


async def test_deltas_concatenate_to_the_text_of_done(by_hand, visit):
    visitor = await visit()
    _, reply = await visitor.say("Hi")
    by_hand.emit(await by_hand.replying(), "Good ")
    first = await visitor.receive("delta", seq=reply["seq"], attempt=1)
    by_hand.emit(await by_hand.replying(), "day.")
    by_hand.finish(await by_hand.replying())
    done = await visitor.receive("done")
    assert first["text"] == "Good "
    assert done["text"] == visitor.rows[reply["seq"]]["text"] == "Good day."


@pytest.mark.parametrize("truncated", [True, False])
async def test_a_row_says_whether_oldest_turns_were_left_out_of_its_prompt(
    by_hand, visit, truncated
):
    visitor = await visit()
    _, reply = await visitor.say("Hi")
    by_hand.emit(await by_hand.replying(), "Good day.")
    by_hand.finish(await by_hand.replying(), truncated=truncated)
    await visitor.receive("done")
    row = await Message.objects.aget(seq=reply["seq"])
    assert (row.truncated, row.completion_tokens) == (truncated, 2)


async def test_the_snapshot_ends_before_the_answer_to_a_ping(engine, visit):
    first = await visit()
    _, reply = await first.say("Hi")
    await first.receive("done")
    second = await visit()
    assert [frame["type"] for frame in second.frames] == ["ready", "message", "message", "pong"]
    assert second.rows[reply["seq"]]["text"] == "Hello there, friend."


async def test_a_reply_resumes_in_the_middle_after_a_dropped_socket(by_hand, visit):
    visitor = await visit()
    _, reply = await visitor.say("Hi")
    by_hand.emit(await by_hand.replying(), "One ")
    await visitor.receive("delta")
    await visitor.leave()
    by_hand.emit(await by_hand.replying(), "two ")
    await visitor.arrive()
    if visitor.rows[reply["seq"]]["text"] == "One ":  # what came meanwhile may follow the snapshot
        await visitor.receive("delta")
    assert visitor.rows[reply["seq"]]["text"] == "One two "
    by_hand.emit(await by_hand.replying(), "three")
    by_hand.finish(await by_hand.replying())
    assert (await visitor.receive("done"))["text"] == "One two three"


async def test_a_reply_that_finished_meanwhile_comes_with_the_snapshot(by_hand, visit):
    visitor = await visit()
    _, reply = await visitor.say("Hi")
    other = await visit()
    await visitor.leave()
    by_hand.emit(await by_hand.replying(), "All of it")
    by_hand.finish(await by_hand.replying())
    await other.receive("done")
    await visitor.arrive()
    row = visitor.rows[reply["seq"]]
    assert (row["state"], row["text"]) == ("done", "All of it")


async def test_a_task_that_is_archived_while_it_reads_still_labels_the_message(by_hand, visit):
    by_hand._label = None
    visitor = await visit()
    await visitor.say("Hi")
    ticket = await by_hand.replying()
    await Task.objects.filter(slug="sentiment").aupdate(archived=timezone.now())
    by_hand.classify(ticket, "sentiment", "Negative")
    by_hand.emit(ticket, "Hello")
    by_hand.finish(ticket)
    await visitor.receive("done")
    assert (await Classification.objects.aget()).label == "Negative"


async def test_a_version_is_calibrated_though_its_task_was_switched_off_meanwhile(by_hand, db):
    by_hand.calibrations = {}
    task = await Task.objects.select_related("current").aget(slug="urgency")  # not enabled
    await calibrations.ensure(task.current, by_hand)
    assert await task.current.calibrations.filter(source="content-free").aexists()


async def test_stop_ends_the_reply_with_the_text_it_has(by_hand, visit):
    visitor = await visit()
    _, reply = await visitor.say("Hi")
    by_hand.emit(await by_hand.replying(), "Once upon")
    await visitor.receive("delta")
    await visitor.send("stop", seq=reply["seq"])
    done = await visitor.receive("done")
    assert (done["state"], done["text"]) == ("stopped", "Once upon")


async def test_a_queued_reply_stops_with_empty_text_and_the_running_one_goes_on(by_hand, visit):
    visitor = await visit()
    await visitor.say("First", "c1")
    _, second = await visitor.say("Second", "c2")
    await visitor.send("stop", seq=second["seq"])
    done = await visitor.receive("done", seq=second["seq"])
    assert (done["state"], done["text"]) == ("stopped", "")
    assert by_hand.cancelled == []


async def test_stop_and_retry_do_nothing_when_there_is_nothing_to_do(engine, visit):
    visitor = await visit()
    _, reply = await visitor.say("Hi")
    await visitor.receive("done")
    seen = len(visitor.frames)
    for kind in ("stop", "retry"):
        await visitor.send(kind, seq=reply["seq"])
        await visitor.send(kind, seq=99)
    await visitor.sync()
    assert [frame["type"] for frame in visitor.frames[seen:]] == ["pong"]


@pytest.mark.parametrize(("kind", "status"), [("stop", "bot"), ("end", "closed")])
async def test_what_has_nothing_to_do_writes_nothing_and_rings_nobody(
    engine, visit, conversation, monkeypatch, kind, status
):
    await Conversation.objects.aupdate(status=status)
    visitor = await visit()
    rung = []

    async def ring(conversation_id, but=None):
        rung.append(conversation_id)

    monkeypatch.setattr(bell, "ring", ring)
    await visitor.send(kind, seq=0)
    await visitor.sync()
    before = conversation.changed
    await conversation.arefresh_from_db()
    assert (rung, conversation.changed) == ([], before)


async def test_retry_starts_the_same_row_over(by_hand, visit):
    visitor = await visit()
    _, reply = await visitor.say("Hi")
    by_hand.emit(await by_hand.replying(), "Bad")
    await visitor.receive("delta")
    await visitor.send("stop", seq=reply["seq"])
    await visitor.receive("done", state="stopped")
    await visitor.send("retry", seq=reply["seq"])
    again = await visitor.receive("message", seq=reply["seq"])
    by_hand.emit(await by_hand.replying(), "Good")
    by_hand.finish(await by_hand.replying())
    done = await visitor.receive("done", state="done")
    assert (again["state"], again["text"], again["attempt"]) == ("queued", "", 2)
    assert (done["attempt"], done["text"]) == (2, "Good")


async def test_only_the_last_reply_can_be_retried(by_hand, visit):
    visitor = await visit()
    _, first = await visitor.say("Hi", "c1")
    await visitor.send("stop", seq=first["seq"])
    await visitor.receive("done", seq=first["seq"])
    await visitor.say("Hello?", "c2")
    await visitor.send("retry", seq=first["seq"])
    await visitor.sync()
    assert (await Message.objects.aget(seq=first["seq"])).attempt == 1


async def test_a_failed_reply_says_so_and_can_be_retried(by_hand, visit):
    visitor = await visit()
    _, reply = await visitor.say("Hi")
    by_hand.emit(await by_hand.replying(), "Half")
    by_hand.fail(await by_hand.replying())
    done = await visitor.receive("done")
    error = await visitor.next()
    assert (done["state"], done["text"]) == ("failed", "Half")
    assert (error["type"], error["code"], error["seq"]) == ("error", "internal", reply["seq"])
    await visitor.send("retry", seq=reply["seq"])
    assert (await visitor.receive("message"))["attempt"] == 2


async def test_the_same_client_id_is_answered_with_the_same_rows(engine, visit):
    visitor = await visit()
    mine, reply = await visitor.say("Hi")
    await visitor.receive("done")
    again, its_reply = await visitor.say("Hi")
    assert {**again, "rev": 0} == {**mine, "rev": 0}
    assert (its_reply["seq"], its_reply["state"]) == (reply["seq"], "done")
    assert await Message.objects.acount() == 2


async def test_a_second_message_waits_for_the_first_reply_but_is_labelled_at_once(by_hand, visit):
    visitor = await visit()
    _, first = await visitor.say("First", "c1")
    running = await by_hand.replying()
    mine, second = await visitor.say("Second", "c2")
    await visitor.receive_label(mine["seq"])
    assert by_hand.requests[by_hand.last].reply is None
    by_hand.emit(running, "Answer one")
    by_hand.finish(running)
    await visitor.receive("done", seq=first["seq"])
    by_hand.emit(await by_hand.replying(), "Answer two")
    by_hand.finish(await by_hand.replying())
    assert (await visitor.receive("done", seq=second["seq"]))["text"] == "Answer two"
    prompt = by_hand.requests[by_hand.last].reply.messages
    contents = [message.content for message in prompt[1:]]
    assert contents == ["First", "Answer one", "Second"]


async def test_two_tabs_see_the_same(by_hand, visit):
    one, two = await visit(), await visit()
    await one.say("Hi")
    by_hand.emit(await by_hand.replying(), "To both")
    by_hand.finish(await by_hand.replying())
    await one.receive("done")
    await two.receive("done")
    assert one.pieced == two.pieced


async def test_a_message_before_the_model_is_ready_waits_and_is_answered(by_hand, visit):
    by_hand.state = "loading"
    visitor = await visit()
    _, reply = await visitor.say("Anybody there?")
    assert reply["state"] == "queued"
    await visitor.until(lambda: by_hand.requests)
    by_hand.become_ready()
    by_hand.emit(await by_hand.replying(), "Yes!")
    by_hand.finish(await by_hand.replying())
    assert (await visitor.receive("done"))["text"] == "Yes!"


async def test_a_reply_goes_on_without_any_socket(by_hand, visit):
    visitor = await visit()
    _, reply = await visitor.say("Hi")
    await visitor.leave()
    by_hand.emit(await by_hand.replying(), "Still here")
    by_hand.finish(await by_hand.replying())
    await visitor.until_state(reply["seq"], "done")
    assert (await Message.objects.aget(seq=reply["seq"])).text == "Still here"


async def test_the_label_of_a_message_is_stored_with_its_model(engine, visit):
    visitor = await visit()
    mine, _ = await visitor.say("Where is it?")
    await visitor.receive_label(mine["seq"])
    row = await Classification.objects.aget()
    assert (row.label, row.model_id, row.flagged) == ("Neutral", "scripted@test/float32", False)


async def test_visitors_read_their_mood_only_where_the_setting_says_so(engine, visit, settings):
    hidden = await visit()
    settings.CHAT_SHOW_SENTIMENT = True
    shown = await visit()
    mine, _ = await hidden.say("Hm")
    frame = await shown.receive("sentiment")
    await hidden.receive("done")
    await hidden.sync()
    assert (frame["seq"], frame["label"]) == (mine["seq"], "Neutral")
    assert set(frame["scores"]) == {"Positive", "Neutral", "Negative"}
    assert all(row["sentiment"] is None for row in hidden.rows.values())


async def test_a_closed_conversation_reopens_with_a_message(engine, visit):
    visitor = await visit()
    await visitor.send("end")
    await visitor.receive("status", status="closed")
    await visitor.say("One more thing")
    await visitor.receive("status", status="bot")


async def test_lists_show_the_newest_words_and_count_what_was_said(by_hand, visit, conversation):
    visitor = await visit()
    _, reply = await visitor.say("Hi")
    by_hand.fail(await by_hand.replying())
    await visitor.receive("done")
    await visitor.send("retry", seq=reply["seq"])
    by_hand.emit(await by_hand.replying(), "Hello\nto you")
    by_hand.finish(await by_hand.replying())
    await visitor.receive("done", state="done")
    await conversation.arefresh_from_db()
    assert (conversation.message_count, conversation.visitor_count) == (2, 1)
    assert conversation.last_text == "Hello to you"
