"""A visitor with a browser of their own: what they can do on the chat page, and what they see."""

import json

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, WebSocket, expect

# What Chromium itself logs when a line is cut.
BROKEN_LINE = ("net::ERR_", "Connection closed before receiving a handshake response")


class Visitor:
    """`page` is a tab with the chat; `complaints` gets what comes on its console."""

    def __init__(self, context: BrowserContext, address: str, complaints: list[str]):
        self.context, self.address, self.complaints = context, address, complaints
        self.page = context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: complaints.append(str(error)))
        self.page.on("websocket", self._listen)
        self._failures_expected = False
        self.frames: list[dict] = []  # everything the server sent to this tab
        self.page.goto(address)

    def another_tab(self) -> "Visitor":
        """The same person, in a second tab."""
        return Visitor(self.context, self.address, self.complaints)

    # What is on the page

    @property
    def box(self) -> Locator:
        return self.page.get_by_role("textbox")

    @property
    def own(self) -> Locator:
        """The visitor's messages that the server has stored."""
        return self.page.locator(".message.visitor[data-seq] .bubble")

    @property
    def replies(self) -> Locator:
        return self.page.locator(".message.assistant[data-seq]")

    @property
    def streaming(self) -> Locator:
        return self.page.locator("[data-state=streaming] .bubble")

    @property
    def banner(self) -> Locator:
        """Says that the line is lost, while it is."""
        return self.page.locator("#line")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    # What they do

    def say(self, text: str) -> None:
        self.box.fill(text)
        self.box.press("Enter")

    def tell(self, text: str) -> None:
        """Say it, and wait until the server has stored it."""
        before = self.own.count()
        self.say(text)
        expect(self.own).to_have_count(before + 1)

    def confirm(self, answer: str) -> None:
        """Press a button of the open question."""
        self.page.get_by_role("dialog").get_by_role("button", name=answer).click()

    def ask(self, text: str) -> str:
        """Say it, wait for the whole reply, return its text."""
        before = self.replies.count()
        self.say(text)
        return self.text_of(before)

    def text_of(self, index: int, state: str = "done") -> str:
        """The text of a reply, once it is in this state."""
        reply = self.replies.nth(index)
        expect(reply).to_have_attribute("data-state", state)
        return reply.locator(".bubble").text_content()

    # What the server has

    def stored(self) -> list[dict]:
        """The rows as a fresh client gets them, by seq."""
        return self.page.evaluate(READ_AFRESH)

    def rendered(self, text: str) -> str:
        """How the page shows a finished reply with this text."""
        return self.page.evaluate(
            "async (text) => (await import('/static/chat/markdown.js'))"
            ".renderMarkdown(text).textContent",
            text,
        )

    def conversation(self) -> dict | None:
        """id, token and ws, as the page keeps them."""
        return self.page.evaluate("JSON.parse(localStorage.getItem('chat.conversation'))")

    def sideways(self) -> int:
        """Pixels by which the page is wider than its window."""
        return self.page.evaluate("document.documentElement.scrollWidth - innerWidth")

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda data: self.frames.append(json.loads(data)))

    def expects_failures(self) -> None:
        """Requests are about to be refused, which Chromium logs by itself."""
        self._failures_expected = True

    def _hear(self, message: ConsoleMessage) -> None:
        loading = "Failed to load resource" in message.text
        broken = any(each in message.text for each in BROKEN_LINE)
        expected = broken or (loading and self._failures_expected)
        if message.type in ("error", "warning") and not expected:
            self.complaints.append(f"{message.text} ({message.location.get('url')})")


READ_AFRESH = """() => new Promise((resolve) => {
  const { ws, token } = JSON.parse(localStorage.getItem("chat.conversation"));
  const socket = new WebSocket(new URL(ws, location.href.replace("http", "ws")));
  const rows = [];
  socket.onopen = () => {
    socket.send(JSON.stringify({ type: "hello", token, rev: 0 }));
    socket.send(JSON.stringify({ type: "ping" }));
  };
  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    if (frame.type === "message") rows.push(frame);
    if (frame.type === "pong") { socket.close(); resolve(rows.sort((a, b) => a.seq - b.seq)); }
  };
})"""
