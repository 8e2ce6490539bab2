"""What the suites of replay protection share: configurations with a Redis, and what is looked at in a hookward."""
import signal
import time

from redis_servers import LIMIT, PASSWORD, wait_until
from repeats import SECRET, Signed, sent

FAILED = "replay_store_failed"


def store(url, mode="reject", keys="", prefix=None):
    return f'''[replay]
store = "redis"
url = "{url}"
prefix = "{prefix or mode + ":"}"
on_store_failure = "{mode}"
{keys}
'''


def url_of(redis, database=0):
    return f"redis://:{PASSWORD}@127.0.0.1:{redis.port}/{database}"


def ready(hookward):
    """Waits until it has its Redis: a first request passes."""
    wait_until("hookward to have its Redis", lambda: sent(hookward, Signed()) == 200)
    return hookward


def total(hookwards, name, *labels):
    """The sum of a metric's series that have these labels."""
    found = 0
    for hookward in hookwards:
        metrics = hookward.metrics().items()
        found += sum(value for series, value in metrics if series.split("{")[0] == name and all(label in series for label in labels))
    return int(found)


def judge_log(count, hookward, what):
    """At most a line a second, and nothing that is secret."""
    text = "\n".join(map(str, hookward.log))
    count.check(PASSWORD not in text and SECRET not in text, f"{what}: a secret in the log")
    times = [event["timestamp"] for event in hookward.log if event["event"] == FAILED]
    times = [int(at[11:13]) * 3600 + int(at[14:16]) * 60 + float(at[17:-1]) for at in times]
    gaps = [after - before for before, after in zip(times, times[1:])]
    count.check(all(gap > 0.99 for gap in gaps), f"{what}: more than a line a second", gaps)
    panics = [event for event in hookward.log if "panic" in str(event)]
    count.check(not panics, f"{what}: it panics", panics[:1])
    return len(times)


def answers_until(hookward, request, seconds=LIMIT):
    """Sends the same again and again while the store is unavailable; the other answer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status = sent(hookward, request)
        if status != 503:
            return status
    return 503


def bodies(app):
    return sorted(body for *_, body in app.take())


def change(hookward, table):
    """Reloads with another `[replay]`."""
    with open(hookward.config, encoding="utf-8") as file:
        text = file.read()
    with open(hookward.config, "w", encoding="utf-8") as file:
        file.write(text.split("[replay]")[0] + table)
    before = total([hookward], "hookward_config_reloads_total", 'result="applied"')
    hookward.process.send_signal(signal.SIGHUP)
    wait_until("the reload", lambda: total([hookward], "hookward_config_reloads_total", 'result="applied"') > before)
