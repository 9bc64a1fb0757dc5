import os, time
from tests.bot.test_talks import *  # noqa
from tests.bot.test_talks import hurried, shop
from tests.bot import play as P
from models.talk import Turn
from models import db
from sqlalchemy import select
OUT = open(os.environ.get("OUT", "/tmp/wt/talks6-explore.txt"), "a")
ONLY = os.environ.get("ONLY", "")
del globals()["test_a_talk_goes_as_its_script_says"]

class Tell(P.Play):
    def _bot(self, what):
        before = set(self.seen)
        try:
            super()._bot(what)
            verdict = "ok "
        except AssertionError as e:
            verdict = "BAD"
            self.bad = True
        fresh = [b for b in self._on_phone() if b.wamid not in before]
        with db.merchant(self.shop.id) as s:
            t = s.scalars(select(Turn).order_by(Turn.at.desc(), Turn.id.desc()).limit(1)).first()
            told = "\n".join(P._text(b) for b in fresh)
            titles = [str(c.get("text")) for b in fresh for c in P.choices_of(b)]
            OUT.write(f"  {verdict} expected {what}\n")
            if t and (verdict == "BAD" or os.environ.get("ALL")):
                OUT.write(f"      did={t.did} facts={t.facts} intent={t.intent} conf={t.confidence:.2f} lang={t.language} rule={t.rule}\n      ents={[(e['kind'],e['value']) for e in t.entities]}\n      said: {told!r}\n      {titles}\n")
    def _effect(self, what):
        try:
            super()._effect(what); OUT.write(f"  ok  {what}\n")
        except AssertionError as e:
            self.bad = True
            OUT.write(f"  BAD effect {what}: {e}\n")
    def _line(self, who, what, *, burst):
        if who not in ("bot","effect"): OUT.write(f"{who}: {what}\n")
        super()._line(who, what, burst=burst)

S=[s for s in SCRIPTS if ONLY in s.title]
@pytest.mark.parametrize("script", S, ids=[s.title for s in S])
def test_explore(script, shop, simulator, work):
    play = Tell(shop, simulator, work); play.bad=False
    t=time.perf_counter()
    OUT.write(f"\n# {script.title}\n")
    try:
        play.perform(script)
    except Exception as e:
        OUT.write(f"!!! {type(e).__name__}: {e}\n"); play.bad=True
    finally:
        play.end()
    OUT.write(f"--- {'BAD' if play.bad else 'fine'} {time.perf_counter()-t:.2f}s\n"); OUT.flush()
    assert not play.bad
