"""A drill: a backup is taken under load, the database is killed, everything is restored.

    .venv/bin/python -m bench.restore [--seconds 4] [--per-second 100] [--json]

Customers write through the webhook and an agent answers through the simulator, while `wasl backup`
runs and for as long again afterwards. Then PostgreSQL is killed with its data. An empty one is
filled by `wasl restore`, the programs start, and the drill counts: what had been acknowledged and
is lost (all of it younger than the backup), how long it took, and whether anything was sent twice.
"""

from __future__ import annotations

import argparse
import base64
import hmac
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
from sqlalchemy import select

from bench import servers
from bin.lib import postgres, valkey
from bot.simulator import Simulator, create_simulator, listen
from bot.simulator import demo as world
from config import settings
from flows import costs, demo, messages
from models import db, schema
from models.conversation import Conversation

ROOT = Path(__file__).resolve().parent.parent
WASL = (sys.executable, "-c", "import cli; cli.main()")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--seconds", type=float, default=4, help="of load before and after")
    asked.add_argument("--per-second", type=int, default=100, help="customers' messages")
    asked.add_argument("--json", action="store_true")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="wasl-drill-") as folder:
        Path(folder).chmod(0o711)  # its PostgreSQL runs as another user when we are root
        figures = Drill(Path(folder), options.per_second).run(options.seconds)
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name.replace('_', ' '):<44}{value:>10}")
    sys.exit(1 if figures["lost_although_in_the_backup"] or figures["sent_twice"] else 0)


class Drill:
    def __init__(self, folder: Path, per_second: int) -> None:
        self.folder, self.per_second = folder, per_second
        self.acknowledged: dict[str, float] = {}
        """Message id → when the webhook answered 200."""
        self.over = threading.Event()

    def run(self, seconds: float) -> dict[str, Any]:
        with ExitStack() as running:
            cache, redis_url = valkey.start(self.folder / "valkey", secrets.token_hex(16))
            running.callback(cache.stop)
            simulator = running.enter_context(_simulator())
            database, address = postgres.start(self.folder / "data", secrets.token_hex(16))
            running.callback(database.stop)
            _surroundings(address, redis_url, self.folder, simulator[1])
            merchant_id = _shop()
            with _programs() as port, self._load(port, merchant_id):
                while not simulator[0].ledger.records("accepted"):
                    time.sleep(0.1)  # until all that was started is at work
                time.sleep(seconds)
                say("taking a backup under load")
                begun = time.monotonic()
                wasl("backup", self.folder / "backup")
                backup_seconds = time.monotonic() - begun
                time.sleep(seconds)
                say("killing the database")
                os.kill(database.pid, signal.SIGKILL)
            killed = time.time()
            database.stop()
            db.forget_connections()
            say("restoring")
            return self._restore(running, simulator[0], killed, backup_seconds)

    def _restore(
        self, running: ExitStack, simulator: Simulator, killed: float, backup_seconds: float
    ) -> dict[str, Any]:
        begun = time.monotonic()
        database, address = postgres.start(self.folder / "data2", secrets.token_hex(16))
        running.callback(database.stop)
        running.callback(db.forget_connections)
        os.environ["DATABASE_URL"] = address
        settings.cache_clear()
        said = wasl("restore", self.folder / "backup")
        restore_seconds = time.monotonic() - begun
        with _programs() as port:
            while not _post(port, "after the fire"):
                time.sleep(0.1)
            up_seconds = time.monotonic() - begun
            time.sleep(5)  # what would go out by itself goes out now
        manifest = json.loads((self.folder / "backup/manifest.json").read_text())
        taken = datetime.fromisoformat(manifest["taken_at"]).timestamp()
        with psycopg.connect(address.replace("+psycopg", "")) as connection:
            kept = {wamid for (wamid,) in connection.execute("SELECT wamid FROM messages")}
            uncertain = connection.execute(
                "SELECT count(*) FROM messages WHERE sending = 'uncertain'"
            ).fetchone()
        lost = {id_: at for id_, at in self.acknowledged.items() if id_ not in kept}
        sent = Counter(
            record["body"]["text"]["body"]
            for record in simulator.ledger.records("accepted")
            if record["type"] == "text"
        )
        return {
            "acknowledged": len(self.acknowledged),
            "sent": sent.total(),
            "backup_s": round(backup_seconds, 1),
            "backup_mib": round(_size(self.folder / "backup") / 2**20, 1),
            "backup_to_kill_s": round(killed - taken, 1),
            "lost_since_the_backup": len(lost),
            "lost_although_in_the_backup": sum(at < taken for at in lost.values()),
            "rows_restored": sum(manifest["rows"].values()),
            "held_back_uncertain": uncertain[0] if uncertain else 0,
            "sent_twice": sum(times > 1 for times in sent.values()),
            "restore_s": round(restore_seconds, 1),
            "until_webhooks_are_answered_s": round(up_seconds, 1),
            "verified": int("verified" in said),
        }

    @contextmanager
    def _load(self, port: int, merchant_id: Any) -> Iterator[None]:
        threads = [threading.Thread(target=self._write, args=(port, n)) for n in range(4)]
        threads.append(threading.Thread(target=self._answer, args=(merchant_id,)))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.over.set()
            for thread in threads:
                thread.join()

    def _write(self, port: int, writer: int) -> None:
        for number in range(10**6):
            if self.over.wait(4 / self.per_second):
                return
            name = f"wamid.drill.{writer}.{number}"
            if _post(port, name, customer=f"2126610000{(number * 4 + writer) % 50:02}"):
                self.acknowledged[name] = time.time()

    def _answer(self, merchant_id: Any) -> None:
        for number in range(10**6):
            if self.over.wait(0.05):
                return
            try:
                with db.merchant(merchant_id) as session:
                    talks = session.scalars(select(Conversation).limit(50)).all()
                    if talks:
                        messages.queue_text(talks[number % len(talks)], f"Answer {number}")
            except Exception as error:
                print(f"the agent met: {type(error).__name__}", file=sys.stderr)
                return


def say(what: str) -> None:
    print(f"… {what}", file=sys.stderr)


def wasl(*words: str | Path) -> str:
    done = subprocess.run([*WASL, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"wasl {words[0]}: {done.stdout}{done.stderr}")
    return done.stdout


def _surroundings(address: str, redis_url: str, folder: Path, graph_url: str) -> None:
    os.environ |= {
        "DATABASE_URL": address,
        "REDIS_URL": redis_url,
        "WASL_VAR": str(folder),
        "WASL_SECRET_KEY": secrets.token_hex(32),
        "WASL_DATA_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "META_APP_SECRET": secrets.token_hex(16),
        "META_VERIFY_TOKEN": secrets.token_hex(16),
        "META_GRAPH_URL": graph_url,
    }
    settings.cache_clear()
    schema.upgrade()
    costs.load_rate_cards()


def _shop() -> Any:
    listed = [record for record in world.records() if record["kind"] == "template"]
    return demo.open_shop(demo.ATLAS, listed)


@contextmanager
def _simulator() -> Iterator[tuple[Simulator, str]]:
    """A Meta that takes messages and reports nothing."""
    made = create_simulator(
        webhook_url="http://127.0.0.1:9/",
        app_secret=secrets.token_hex(16),
        post=lambda *_: 503,
        latency=0.05,
    )
    server = listen(made)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield made, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


@contextmanager
def _programs() -> Iterator[int]:
    """The web process and the workers, told to stop at the end."""
    names: Sequence[Sequence[str]] = (
        ("worker", "ingest"),
        ("worker", "deliver"),
        ("worker", "chores"),
        ("clock",),
    )
    with servers.granian() as port:
        others = [subprocess.Popen([*WASL, *name], cwd=ROOT) for name in names]
        try:
            yield port
        finally:
            for process in others:
                process.terminate()
            for process in others:
                process.wait(60)


def _post(port: int, name: str, customer: str = "212661000099") -> bool:
    """Whether a customer's message was acknowledged."""
    number, account = demo.ATLAS.numbers[0][0], demo.ATLAS.account
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "212520000001", "phone_number_id": number},
        "contacts": [{"profile": {"name": "Drill"}, "wa_id": customer}],
        "messages": [
            {
                "from": customer,
                "id": name,
                "timestamp": str(int(datetime.now(UTC).timestamp())),
                "type": "text",
                "text": {"body": name},
            }
        ],
    }
    entry = {"id": account, "changes": [{"field": "messages", "value": value}]}
    body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
    mac = hmac.digest(os.environ["META_APP_SECRET"].encode(), body, "sha256").hex()
    headers = {"X-Hub-Signature-256": f"sha256={mac}", "Content-Type": "application/json"}
    try:
        where = f"http://127.0.0.1:{port}/webhooks/whatsapp"
        return httpx.post(where, content=body, headers=headers, timeout=10).status_code == 200
    except httpx.HTTPError:
        return False


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


if __name__ == "__main__":
    main()
