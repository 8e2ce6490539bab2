"""A real Prometheus with the rules and alerts that are shipped, beside hookwards under traffic of every kind: rules and the
dashboard's panels have data, and those alerts come up that the traffic deserves.

Of the shipped files the target and the times between scrapes and evaluations are replaced, nothing else. An alert that has
to last before somebody is told is pending here."""
import json
import math
import os
import re
import subprocess
import tempfile
import time
import urllib.parse

from harness import ROOT, Count, fetch, free_port, leave_nothing, wait_for_port
from prometheus_traffic import Traffic

FILES = os.path.join(ROOT, "conf/prometheus")
DASHBOARD = os.path.join(ROOT, "conf/grafana/hookward.json")
TESTS = ("alerts.test.yml", "alerts.week.test.yml")
ROUNDS, LIMIT = 12, 60
# What the traffic deserves, and why.
DESERVED = {
    "HookwardReloadRefused",       # the first one's configuration has an unknown key
    "HookwardRefusing",            # most requests to `twenty`
    "HookwardMismatchExplained",   # `hubspot` is signed for http://
    "HookwardTimestampsRefused",   # `twenty`: ten minutes old, and ten minutes ahead
    "HookwardOldSecretUsed",       # `twenty`: the old one ends in three days
    "HookwardAppFailing",          # `failing`, `gone`, `too-slow`
    "HookwardAppRefusing",         # `moved`: its app answers 404
    "HookwardAppSlow",             # `slow`: three of Twenty's five seconds
    "HookwardLateAnswers",         # `late`: its sender waits no time at all
    "HookwardAnswersCut",          # `cut`
    "HookwardOverloaded",          # `crowded`
    "HookwardReplayStoreFailing",  # the second one has no Redis
    "HookwardDeadLetters",         # `dead`: its app answers 404
}


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


class Prometheus:
    """Scrapes these ports, once a second."""

    def __init__(self, ports):
        self.folder = tempfile.TemporaryDirectory()
        targets = ", ".join(f'"127.0.0.1:{port}"' for port in ports)
        for name in ("prometheus.yml", "rules.yml", "alerts.yml"):
            text = read(FILES, name).replace('"127.0.0.1:9464"]\n', f"{targets}]\n")
            text = re.sub(r"^(\s*(?:scrape_interval|evaluation_interval|interval)): \w+$", r"\1: 1s", text, flags=re.M)
            with open(os.path.join(self.folder.name, name), "w", encoding="utf-8") as file:
                file.write(text)
        self.port = free_port()
        log = open(os.path.join(self.folder.name, "log"), "w", encoding="utf-8")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={self.folder.name}/prometheus.yml", f"--storage.tsdb.path={self.folder.name}/data",
             f"--web.listen-address=127.0.0.1:{self.port}"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        leave_nothing(self.process)
        wait_for_port(self.port, self.process)
        if not wait_until(lambda: self._ask("/-/ready")[0] == 200):
            raise SystemExit(f"Prometheus does not get ready: {read(log.name)[-500:]}")

    def _ask(self, target):
        return fetch(self.port, target)

    def _get(self, path, **parameters):
        return json.loads(self._ask(f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")[1])

    def values(self, expression):
        """What it comes to now, as (labels, value); a text where it is refused."""
        answer = self._get("query", query=expression)
        if answer["status"] != "success":
            return answer.get("error", answer)
        found = answer["data"]["result"]
        return [(one["metric"], float(one["value"][1])) for one in found] if answer["data"]["resultType"] == "vector" else [({}, float(found[1]))]

    def has_data(self, expression):
        found = self.values(expression)
        return not isinstance(found, str) and any(not math.isnan(value) for _, value in found)

    def rules(self):
        groups = self._get("rules").get("data", {}).get("groups", [])
        return [rule for group in groups for rule in group["rules"]]

    def alerts(self):
        return self._get("alerts").get("data", {}).get("alerts", [])

    def named(self):
        return {alert["labels"]["alertname"] for alert in self.alerts()}

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def wait_until(is_so, seconds=LIMIT):
    """Whether it came to be."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(0.2)
    return False


def promtool(*arguments, text=None):
    return subprocess.run(["promtool", *arguments], cwd=FILES, input=text, capture_output=True, text=True, timeout=300)


def exposed(hookward):
    return fetch(hookward.ports["admin"], "/metrics")[1]


def panels():
    """The title and the queries of each panel, with All for its variables. What stands in for no data is left out."""
    for panel in json.loads(read(DASHBOARD))["panels"]:
        for target in panel.get("targets", []):
            query = target["expr"].replace("$__rate_interval", "1m").removesuffix(" or vector(0)")
            yield panel["title"], re.sub(r"\$(route|instance)\b", ".*", query)


def judge_files(count):
    """What can be said of them alone. Returns the tests of the alerts, which take a while."""
    tests = subprocess.Popen(["promtool", "test", "rules", *TESTS], cwd=FILES, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True)
    leave_nothing(tests)
    for arguments in (("check", "config", "prometheus.yml"), ("check", "rules", "rules.yml", "alerts.yml")):
        done = promtool(*arguments)
        count.check(done.returncode == 0, f"promtool {' '.join(arguments)}", done.stdout + done.stderr)
    names = re.findall(r"- alert: (\w+)", read(FILES, "alerts.yml"))
    tested = set(re.findall(r'alertname="(\w+)"', "".join(read(FILES, name) for name in TESTS)))
    count.check(set(names) == tested, "each alert has a test, and each test an alert", set(names) ^ tested)
    headings = re.findall(r"^#+ (.+)$", read(ROOT, "docs/operations.md"), re.M)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    linked = re.findall(r'runbook_url: "\{\{ \$externalLabels\.docs \}\}docs/operations\.md#(\w+)"', read(FILES, "alerts.yml"))
    linked += re.findall(r"\$\{docs\}#([\w-]+)", read(DASHBOARD))
    count.check(len(linked) > len(names) and anchors.issuperset(linked), "what is linked to is there", set(linked) - anchors)
    dashboard = read(DASHBOARD)
    as_written = json.dumps(json.loads(dashboard), indent=2, ensure_ascii=False) + "\n"
    count.check(dashboard == as_written, "the dashboard is formatted")
    return tests


def judge_metrics(count, traffic):
    known = set()
    for hookward in (traffic.first, traffic.second):
        text = exposed(hookward)
        done = promtool("check", "metrics", text=text)
        said = done.stdout + done.stderr
        count.check(done.returncode == 0 and not said, "promtool check metrics", said)
        known |= set(re.findall(r"^(\w+)[ {]", text, re.M))
    reasons = set(re.findall(r'hookward_verdicts_total\{reason="(\w+)"[^}]*\} [1-9]', exposed(traffic.first) + exposed(traffic.second)))
    listed = re.findall(r"^\| ((?:`\w+` ?)+)\| [\d, ]+\|", read(ROOT, "docs/operations.md"), re.M)
    documented = {reason for names in listed for reason in re.findall(r"\w+", names) if not reason.startswith("app_")}
    missing = {reason for reason in documented if reason not in reasons and reason != "request_unsendable"}
    count.check(len(documented) > 19 and not missing, "a request of every reason", missing)
    sources = {"rules.yml": read(FILES, "rules.yml"), "alerts.yml": read(FILES, "alerts.yml"), "dashboard": read(DASHBOARD)}
    for name, text in sources.items():
        named = set(re.findall(r"(?<![\w:])(?:hookward|process)_\w+(?![\w:])", text))
        count.check(len(named) > 9 and known >= named, f"the metrics of {name} are there", named - known)


def judge_live(count, prometheus):
    rules = prometheus.rules()
    recorded = [rule["name"] for rule in rules if rule["type"] == "recording"]
    sick = [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"]
    count.check(len(recorded) > 20 and not sick, "rules that cannot be evaluated", sick)
    for name in recorded:
        count.check(prometheus.has_data(name), f"no data: {name}", prometheus.values(name))
    for title, query in panels():
        count.check(prometheus.has_data(query), f"no data in the panel {title}: {query}", prometheus.values(query))
    alerts = prometheus.alerts()
    named = {alert["labels"]["alertname"] for alert in alerts}
    count.check(named == DESERVED, "alerts that come up although they should not, or the reverse", named ^ DESERVED)
    innocent = [alert["labels"] for alert in alerts if alert["labels"].get("route") in ("well", "open", "none")]
    count.check(not innocent, "alerts of routes that are well", innocent)
    for alert in alerts:
        text = " ".join(alert["annotations"].values())
        is_clear = not any(sign in text for sign in ("<", "%!", "NaN", "{{"))
        count.check(is_clear, f"what {alert['labels']} says", text)
        link = f"docs/operations.md#{alert['labels']['alertname'].lower()}"
        count.check(alert["annotations"]["runbook_url"] == link, f"where {alert['labels']} leads to", alert["annotations"])


def run():
    count = Count("Prometheus")
    tests = judge_files(count)
    traffic = Traffic()
    prometheus = Prometheus([traffic.first.ports["admin"], traffic.second.ports["admin"]])
    is_scraped = wait_until(lambda: prometheus.has_data("rate(process_cpu_seconds_total[1m])"))
    count.check(is_scraped, "it scrapes", read(prometheus.folder.name, "log")[-500:])
    # That there is no Redis is known from the start.
    count.check(prometheus.named() <= {"HookwardReplayStoreFailing"}, "alerts of a fresh hookward", prometheus.alerts())
    for _ in range(ROUNDS):
        traffic.round()
    traffic.break_configuration()
    count.check(not traffic.errors, "other answers than expected", traffic.errors[:5])
    # A rate needs two scrapes after the last of it.
    count.check(wait_until(lambda: prometheus.named() >= DESERVED), "alerts that do not come up", DESERVED - prometheus.named())
    judge_live(count, prometheus)
    judge_metrics(count, traffic)
    traffic.stop()
    is_noticed = wait_until(lambda: "HookwardDown" in prometheus.named())
    count.check(is_noticed, "nobody notices that hookward is down", prometheus.values("up"))
    prometheus.stop()
    said = tests.communicate(timeout=300)[0]
    count.check(tests.returncode == 0, "promtool test rules", said)
    return [count]


if __name__ == "__main__":
    for one in run():
        print(f"{one.title}: {one.passed} passed, {one.failed} failed")
