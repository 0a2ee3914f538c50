"""Everything a fresh machine needs, then serve: `manage.py up`."""

import asyncio
import secrets
import socket

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, CommandError, call_command
from django.urls import reverse

STAFF = "admin"


class Command(BaseCommand):
    help = (
        "Migrate the database, create a staff user on the first run, load the model in the "
        "background and serve the site. Asks nothing. Stop it with Ctrl-C or SIGTERM."
    )

    def add_arguments(self, parser):
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on")
        parser.add_argument(
            "--demo",
            action="store_true",
            help="fill a database in which nobody wrote yet with conversations over the last "
            "30 days, answered and labelled by the model",
        )

    def handle(self, *, host: str, port: int, demo: bool, **options):
        check_address(host, port)
        check_model()
        settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise warns without it
        call_command("migrate", interactive=False, verbosity=0)
        check_fallback()
        self.create_staff()
        self.allow_host(host)
        self.print_addresses(host, port)
        self.serve(host, port, demo and self.has_room_for_demo())

    def create_staff(self) -> None:
        """The first run makes a user and prints its password, this once."""
        users = get_user_model().objects
        if users.filter(is_staff=True).exists():
            return
        password = secrets.token_urlsafe(9)
        users.create_superuser(STAFF, password=password)
        self.say(f"Created the staff user {STAFF!r} with password {password}")
        self.say(f"  (shown this once; `manage.py changepassword {STAFF}` sets another)")

    def allow_host(self, host: str) -> None:
        if host in ("0.0.0.0", "::"):
            names = ", ".join(settings.ALLOWED_HOSTS)
            self.say(f"Answers to the names {names}; set ALLOWED_HOSTS to have others.")
        elif host not in settings.ALLOWED_HOSTS:
            settings.ALLOWED_HOSTS.append(f"[{host}]" if ":" in host else host)

    def print_addresses(self, host: str, port: int) -> None:
        shown = {"0.0.0.0": "localhost", "::": "localhost"}.get(host, host)
        base = f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
        self.say(f"Chat       {base}/")
        self.say(f"Dashboard  {base}{reverse('analytics:overview')}")
        self.say(f"Review     {base}{reverse('admin:chat_classification_changelist')}")

    def has_room_for_demo(self) -> bool:
        """The demo never mixes with what visitors wrote. Asked before anybody can write."""
        from chat import demo
        from chat.models import Conversation

        if demo.is_seeded():
            self.say("Demo: its conversations are there already")
        elif Conversation.objects.filter(message_count__gt=0).exists():
            self.say("Demo: left out, for this database has conversations of visitors")
        else:
            return True
        return False

    def serve(self, host: str, port: int, demo: bool) -> None:
        from aio_site import serving  # imports Twisted's reactor, which only serving needs
        from chat import upkeep
        from inference import resident

        async def started() -> None:
            upkeep.awake()
            await asyncio.to_thread(self.watch_loading, resident.engine())
            if resident.engine().state == "failed":
                serving.stop()
            elif demo and resident.engine().state == "ready":
                await asyncio.to_thread(self.make_demo)

        listening = serving.serve(host, port, started=started, stopping=upkeep.shutdown)
        if not listening:
            raise CommandError(f"Cannot listen on {host} port {port}.")
        if resident.engine().error:
            raise CommandError(f"The model did not load. {resident.engine().error}")

    def watch_loading(self, engine) -> None:
        """Show how far the model is, until it is ready, has failed or was stopped."""
        shown = -1
        while not engine.wait_ready(timeout=0.2):
            if engine.state in ("failed", "stopped"):
                return
            percent = round(100 * engine.progress)
            if percent != shown:
                self.say(f"Model: {engine.stage} {percent} %")
            shown = percent
        self.say(f"Model: {engine.model_id} is ready")

    def make_demo(self) -> None:
        try:
            call_command("seed_demo", stdout=self.stdout)
        except CommandError as error:  # the site goes on without
            self.say(f"Demo: not made to the end. {error}")

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def check_address(host: str, port: int) -> None:
    """Find out before anything is loaded that the port is in use or the address is not ours.

    Raises:
        CommandError: names --host or --port and what is wrong.
    """
    if not 1 <= port <= 65535:
        raise CommandError(f"--port must be 1 to 65535, not {port}.")
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, proto) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        reason = error.strerror or str(error)
        raise CommandError(f"Cannot listen on --host {host} --port {port}: {reason}.") from None


def check_model() -> None:
    """What can be known about the model without loading it.

    Raises:
        CommandError: names the setting and what is allowed.
    """
    from inference.config import InferenceConfig
    from inference.errors import ModelError
    from inference.loading import check_folder

    try:
        check_folder(InferenceConfig.from_settings())
    except ModelError as error:
        raise CommandError(str(error)) from None


def check_fallback() -> None:
    """What can be known about the fallback classifier without loading it, once tasks are there.

    Raises:
        CommandError: names the setting and what is allowed.
    """
    from inference.errors import ModelError
    from inference.fallback import resident as fallback

    try:
        fallback.check()
    except ModelError as error:
        raise CommandError(str(error)) from None
