"""A Redis that fails under load, in each way, in both failure modes: what one process has forwarded none forwards again,
but for what the Redis itself has forgotten."""
import collections
import concurrent.futures
import time

from harness import App, Count, Hookward
from redis_servers import Cluster, Redis, Sentinels, replica_of, wait_until
from repeats import Storm, route
from replay_kit import judge_log, ready, store, total, url_of

# Requests a second and mode, each of which is sent a second time too.
RATE = 100


class Fault:
    """What becomes of a Redis. `loses`: what it may forget: "nothing", "all" that was there when it failed, or "the last":
    what a replica had not heard of."""

    def __init__(self, name, make, begin, end, loses, url=url_of, hold=1, serves=False):
        self.name, self.make, self.begin, self.end, self.loses, self.url = name, make, begin, end, loses, url
        # For how long, and whether requests pass meanwhile.
        self.hold, self.serves = hold, serves


def pair():
    """A server, and another that has what it has."""
    redis = Redis()
    redis.other = replica_of(redis)
    return redis


def demote(redis):
    redis.other.ask("REPLICAOF", "NO", "ONE")
    redis.ask("REPLICAOF", "127.0.0.1", redis.other.port)


def logging():
    return Redis(appendonly="yes", appendfsync="always")


FAULTS = [
    Fault("killed, and back empty", Redis, Redis.kill, Redis.start, "all"),
    Fault("restarted, with its log", logging, Redis.stop, Redis.start, "nothing"),
    Fault("paused", Redis, Redis.pause, Redis.go_on, "nothing"),
    Fault("flushed", Redis, lambda redis: redis.ask("FLUSHALL"), lambda redis: None, "all", hold=0),
    Fault("a replica for a while", pair, demote, lambda redis: redis.ask("REPLICAOF", "NO", "ONE"), "the last"),
    Fault("failed over by sentinels", Sentinels, lambda made: made.master.kill(), lambda made: None, "the last", Sentinels.url, hold=0),
    Fault("a cluster of 3 loses one", Cluster, lambda made: made.masters[1].kill(), lambda made: made.masters[1].start(), "all", Cluster.url,
          serves=True),
    Fault("one of a cluster of 6 hangs", lambda: Cluster(has_replicas=True), lambda made: made.masters[1].pause(), lambda made: None,
          "the last", Cluster.url, hold=0),
]


class Side:
    """Two processes in one failure mode, an app, and the load on them."""

    def __init__(self, url, mode):
        self.mode, self.app = mode, App()
        self.hookwards = [ready(Hookward(route(self.app) + store(url, mode))) for _ in range(2)]
        self.first = len(self.app.take())
        self.storm = Storm([hookward.ports["server"] for hookward in self.hookwards], RATE, spread=3)

    def passed_since(self, moment):
        """When the first request passed each process that was sent there after this moment; None before all have."""
        passed = {}
        for story in list(self.storm.stories):
            for at, status in list(story.answers):
                if status == 200 and at >= moment:
                    passed[story.home] = min(at, passed.get(story.home, at))
                    break
        return max(passed.values()) if len(passed) == len(self.hookwards) else None

    def judge(self, count, fault, failed_at, begun_at, back_at):
        """What the senders know, against what the app saw and what was counted."""
        is_over = self.storm.end()
        count.check(is_over, f"{self.mode}: each request comes to an end",
                    [story.answers for story in self.storm.stories if not story.taken_at()][:5])
        stories, counts = self.storm.stories, self.storm.counts
        seen = collections.Counter(body for *_, body in self.app.take())
        odd = {status: times for status, times in counts.items() if status not in (200, 409, 503)}
        count.check(not odd, f"{self.mode}: other answers", odd)
        lost = [story.answers for story in stories if seen[story.request.body] < 1]
        count.check(not lost, f"{self.mode}: requests that never arrive", lost[:5])
        differ = [story.answers for story in stories if seen[story.request.body] != len(story.taken_at())]
        count.check(not differ, f"{self.mode}: the app saw another number than was answered 200", differ[:5])
        wrongly = [story.answers for story in stories if story.answers[0][1] == 409 or
                   any(status == 409 for _, status in story.answers[:len(story.answers) - 1])]
        count.check(not wrongly, f"{self.mode}: refused as replayed before anybody took them", (len(wrongly), wrongly[:5]))
        twice = [story.taken_at() for story in stories if len(story.taken_at()) > 1]
        # What was taken before the Redis failed may be forgotten, if anything may.
        first, last = {"nothing": (1, 0), "all": (0, back_at), "the last": (failed_at - 1, begun_at)}[fault.loses]
        unexplained = [times for times in twice if not first <= times[0] <= last]
        if fault.serves:
            passed = [at for story in stories for at in story.taken_at() if failed_at + 0.5 < at < back_at]
            count.check(passed, f"{self.mode}: requests pass meanwhile")
        if self.mode == "reject":
            count.check(not unexplained, "reject: delivered twice", (len(unexplained), [at - failed_at for at, _ in unexplained[:20]]))
        else:
            count.check(not counts[503], "allow: everything is delivered", counts[503])
        verdicts = "hookward_verdicts_total"
        for what, labels, status in (("verified", ['verdict="verified"'], 200), ("replayed", ['reason="replayed"'], 409),
                                     ("unavailable", ['reason="replay_store_unavailable"'], 503)):
            found = total(self.hookwards, verdicts, *labels) - (self.first if status == 200 else 0)
            # What was refused while the first request waited for the Redis is counted too.
            is_right = found == counts[status] or (status == 503 and found > counts[status])
            count.check(is_right, f"{self.mode}: counted as {what}", (found, counts[status]))
        self._stop(count)
        refused = [at for story in stories for at, status in story.answers if status == 503]
        last = max(0, max(refused, default=0) - back_at)
        return [len(stories), counts[200], counts[409], counts[503], len(twice), len(unexplained)], last

    def _stop(self, count):
        for hookward in self.hookwards:
            count.check(hookward.stop() == 0, f"{self.mode}: it ends well")
            judge_log(count, hookward, self.mode)


def survive(fault, made):
    count = Count(fault.name)
    sides = [Side(fault.url(made), mode) for mode in ("reject", "allow")]
    time.sleep(0.8)
    failed_at = time.monotonic()
    fault.begin(made)
    begun_at = time.monotonic()
    time.sleep(fault.hold)
    fault.end(made)
    wait_until("the Redis to be back", made.writes)
    back_at = time.monotonic()
    passed_at = wait_until("requests to pass", lambda: sides[0].passed_since(back_at))
    time.sleep(0.8)
    rows = [side.judge(count, fault, failed_at, begun_at, back_at) for side in sides]
    recovery = passed_at - back_at
    count.check(recovery < 5, "requests pass again", recovery)
    for server in made.servers() if hasattr(made, "servers") else [made]:
        server.kill()
    return count, rows, recovery


def faults(names=()):
    """Each failure in both modes, under load."""
    counts, lines = [], []
    chosen = [fault for fault in FAULTS if not names or any(name in fault.name for name in names)]
    with concurrent.futures.ThreadPoolExecutor() as makers:
        made = list(makers.map(lambda fault: fault.make(), chosen))
    for fault, servers in zip(chosen, made):
        count, rows, recovery = survive(fault, servers)
        counts.append(count)
        for mode, (row, last) in zip(("reject", "allow"), rows):
            lines.append(f"  {fault.name:28} {mode:7}" + "".join(f"{number:10}" for number in row) +
                         (f"{1000 * recovery:7.0f} ms{1000 * last:7.0f} ms" if mode == "reject" else ""))
    titles = "".join(f"{title:>10}" for title in ("requests", "200", "409", "503", "twice", "not lost", "back", "last 503"))
    print(f"A Redis that fails; \"twice\": delivered twice, of these \"not lost\": the Redis cannot have forgotten them;\n"
          f"\"back\": from the first write of a plain client until a request has passed each process, and until the last that"
          f" was refused\n  {'':36}{titles}")
    print("\n".join(lines), flush=True)
    return counts
