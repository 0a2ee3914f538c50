"""Conversations, the reply prompt and people in the admin."""

import pytest
from django.urls import reverse

from chat.admin import desk
from chat.models import Conversation, ReplyPrompt, User
from tests.chat.desk import conversation, says, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(client):
    client.force_login(staff("lead"))
    return client


class TestAConversation:
    @pytest.fixture
    def talk(self):
        talk = conversation(name="Anna", email="anna@mail.example")
        says(talk, "You lost my parcel again!", "Negative")
        return talk

    def save(self, client, talk, **fields):
        address = reverse("admin:chat_conversation_change", args=[talk.pk])
        fields = {"status": talk.status, "assignee": talk.assignee_id or "", **fields}
        return client.post(address, fields, follow=True)

    def test_is_read_with_its_transcript(self, lead, talk):
        address = reverse("admin:chat_conversation_change", args=[talk.pk])
        page = lead.get(address).content.decode()
        assert "You lost my parcel again!" in page
        assert "I am sorry to hear that." in page
        assert reverse("analytics:conversation", args=[talk.pk]) in page

    def test_is_handed_over_and_gets_a_new_rev(self, lead, talk):
        agent = staff("agent")
        self.save(lead, talk, status="human", assignee=agent.pk)
        changed = Conversation.objects.get()
        assert (changed.status, changed.assignee) == ("human", agent)
        assert changed.rev > talk.rev

    def test_keeps_what_happened_while_the_form_was_open(self, lead, talk):
        says(talk, "Hello?", "Neutral")
        self.save(lead, talk, status="waiting")
        changed = Conversation.objects.get()
        assert (changed.message_count, changed.status) == (4, "waiting")

    def test_can_be_given_to_staff_only(self, lead, talk):
        outsider = User.objects.create(username="outsider")
        response = self.save(lead, talk, assignee=outsider.pk)
        assert "Select a valid choice" in response.content.decode()

    def test_shows_nothing_else_to_change(self, lead, talk):
        self.save(lead, talk, name="Mallory", email="m@mail.example", flagged=0)
        assert Conversation.objects.get().name == "Anna"

    def test_without_messages_has_a_page(self, lead):
        silent = conversation()
        address = reverse("admin:chat_conversation_change", args=[silent.pk])
        assert "Nobody has written anything yet" in lead.get(address).content.decode()

    def test_stands_in_the_list(self, lead, talk):
        page = lead.get(reverse("admin:chat_conversation_changelist")).content.decode()
        assert "Anna" in page
        assert "Negative −0.5" in page


class TestTheReplyPrompt:
    ADD = reverse("admin:chat_replyprompt_add")
    WORDS = {"bot_name": "Kim", "greeting": "Hello!", "greeting_zh": "", "system": "Be kind."}

    def test_begins_as_the_one_that_answers_now(self, lead):
        form = lead.get(self.ADD).context["adminform"].form
        assert form.initial["bot_name"] == ReplyPrompt.objects.current().bot_name

    def test_is_published_as_a_new_version(self, lead):
        before = ReplyPrompt.objects.current()
        lead.post(self.ADD, self.WORDS)
        now = ReplyPrompt.objects.current()
        assert (now.bot_name, now.author.username) == ("Kim", "lead")
        assert ReplyPrompt.objects.filter(pk=before.pk, active=False).exists()
        assert ReplyPrompt.objects.count() == 2

    @pytest.mark.parametrize("field", ["bot_name", "system", "greeting"])
    def test_may_not_be_blank(self, lead, field):
        response = lead.post(self.ADD, {**self.WORDS, field: " \n "})
        assert "This field is required" in response.content.decode()
        assert ReplyPrompt.objects.count() == 1

    def test_cannot_be_changed_once_published(self, lead):
        current = ReplyPrompt.objects.current()
        address = reverse("admin:chat_replyprompt_change", args=[current.pk])
        assert lead.get(address).status_code == 200
        assert lead.post(address, self.WORDS).status_code == 403


class TestPeople:
    def test_a_superuser_adds_staff_and_puts_them_in_a_group(self, admin_client):
        password = "correct horse battery staple"
        fields = {"username": "kim", "password1": password, "password2": password}
        admin_client.post(
            reverse("admin:chat_user_add"), {**fields, "usable_password": "true"}, follow=True
        )
        assert User.objects.get(username="kim").check_password(password)

    def test_leads_see_colleagues_and_change_none(self, lead):
        agent = staff("agent")
        address = reverse("admin:chat_user_change", args=[agent.pk])
        assert lead.get(address).status_code == 200
        assert lead.post(address, {"username": "x"}).status_code == 403


class TestTheSidebar:
    def items(self, rf, user) -> dict[str, dict]:
        request = rf.get("/")
        request.user = user
        items = [item for group in desk.navigation(request) for item in group["items"]]
        return {item["title"]: item for item in items if item["permission"](request)}

    def test_shows_agents_the_desk_only(self, rf):
        expected = [
            "Dashboard",
            "Alerts",
            "Review queue",
            "Extracted details",
            "Decisions",
            "Conversations",
            "Chat page",
        ]
        assert list(self.items(rf, staff("agent"))) == expected

    def test_shows_leads_the_assistant_and_people_too(self, rf):
        assert {"Reply prompt", "Tasks", "Users"} <= set(self.items(rf, staff("lead")))

    def test_counts_the_open_flags_and_is_silent_without_any(self, rf):
        agent = staff("agent")
        assert "badge" not in self.items(rf, agent)["Review queue"]
        says(conversation(), "Shame on you", "Negative")
        assert self.items(rf, agent)["Review queue"]["badge"] == 1
