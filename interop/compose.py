"""compose.yaml, read as YAML: its parts are of one mind with each other and with hookward's configuration in them. The app in it
is run. The containers themselves take a daemon, and are not started."""
import os
import subprocess
import sys
import tempfile
import tomllib

import yaml

from harness import ROOT, Count, free_port, leave_nothing, wait_for_port
from unit import read, write
from unit_sandbox import USER

FILE = os.path.join(ROOT, "compose.yaml")
PARTS = os.path.join(ROOT, "conf/compose")


class NoTwice(yaml.SafeLoader):
    """Refuses a key that occurs twice, of which YAML's readers take the last."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        if len(set(keys)) != len(keys):
            raise yaml.YAMLError(f"a key occurs twice: {keys}")
        return super().construct_mapping(node, deep)


def networks(service):
    return set(service.get("networks", ["default"]))


def mounts(service):
    """Where in the container what is mounted, without volumes."""
    found = (volume.split(":") for volume in service.get("volumes", []))
    return {target: os.path.join(ROOT, source) for source, target, *_ in found if source.startswith("./")}


def agree(count, whole):
    check, services = count.check, whole["services"]
    hookward, app, prometheus, grafana = (services[name] for name in ("hookward", "app", "prometheus", "grafana"))
    config = tomllib.loads(read(PARTS, "hookward/hookward.toml"))
    # One that shares the network of another is left alone once that is started again.
    check(not any("network_mode" in service for service in services.values()), "each has a network of its own")
    beside_app = [name for name, service in services.items() if networks(service) & networks(app)]
    check(sorted(beside_app) == ["app", "hookward"] and "ports" not in app, "only hookward reaches the app", beside_app)
    check({route["upstream"] for route in config["route"]} == {"http://app:3000"}, "hookward finds the app")
    check(networks(hookward) & networks(prometheus) & networks(grafana), "the others reach hookward")
    check(set().union(*map(networks, services.values())) <= set(whole["networks"]), "the networks are there")
    for name, service in services.items():
        check(all(os.path.exists(path) for path in mounts(service).values()), f"{name}: what is mounted is there", mounts(service))
        check(service["read_only"] and service["cap_drop"] == ["ALL"] and service["ulimits"]["core"] == 0, f"{name} is locked", service)
        public = [port for port in service.get("ports", []) if not port.startswith("127.0.0.1:")]
        check(public == (["8080:8080"] if name == "hookward" else []), f"{name}: who reaches its ports", public)
        check(set(service.get("secrets", [])) <= set(whole["secrets"]), f"{name}: its secrets are there")
        named = {volume.split(":")[0] for volume in service.get("volumes", []) if not volume.startswith("./")}
        check(named <= set(whole["volumes"]), f"{name}: its volumes are there", named)
    inside = mounts(hookward)
    check(all(os.path.isdir(path) for path in inside.values()) and config["server"]["watch"], "files of hookward's can be exchanged", inside)
    secrets = [secret["file"] for route in config["route"] for secret in route["verify"]["secrets"]]
    check(all(os.path.exists(os.path.join(inside[os.path.dirname(file)], os.path.basename(file))) for file in secrets), "its secrets are there", secrets)
    check(os.listdir(inside["/run/secrets"]) and not os.path.exists(os.path.join(inside["/run/secrets"], "grafana")), "and none that are not its own")
    grace = int(hookward["stop_grace_period"].rstrip("s"))
    default = tomllib.loads(read(ROOT, "conf/hookward.toml"))["server"]
    check(grace >= int(default["shutdown_grace"].rstrip("s")) + 10, "there is time to stop in", grace)
    check(hookward["ulimits"]["nofile"] >= 2.3 * default["max_connections"] + 64, "there are descriptors enough")
    check(config["spool"]["directory"] in hookward["volumes"][-1], "what is stored stays")


def watched(count, prometheus):
    """The Prometheus has the rules of the one that is shipped, and hookward as its target."""
    here, shipped = (yaml.load(read(*path), NoTwice) for path in ((PARTS, "prometheus.yml"), (ROOT, "conf/prometheus/prometheus.yml")))
    count.check([os.path.basename(file) for file in here["rule_files"]] == shipped["rule_files"], "Prometheus has all rules")
    count.check({os.path.dirname(file) for file in here["rule_files"]} <= set(mounts(prometheus)), "where they are mounted")
    jobs = [(job["job_name"], job["static_configs"]) for job in here["scrape_configs"]]
    count.check(jobs == [("hookward", [{"targets": ["hookward:9464"]}])], "it scrapes hookward", jobs)
    source = yaml.load(read(ROOT, "conf/grafana/provisioning/datasources/prometheus.yml"), NoTwice)["datasources"][0]["url"]
    count.check(source == "http://prometheus:9090", "Grafana finds it", source)
    file = next(word for word in prometheus["command"] if word.startswith("--config.file=")).partition("=")[2]
    count.check(file in mounts(prometheus), "it is given that configuration", file)


def image(count):
    text = read(ROOT, "Dockerfile")
    count.check(f"\nUSER {USER}:{USER}\n" in text and f"-o {USER} -g {USER} " in text, "the image has a user of its own")


def the_app(count):
    """The app as compose.yaml runs it, but for its port."""
    with tempfile.TemporaryDirectory() as folder:
        port, path = free_port(), os.path.join(folder, "app.py")
        write(path, read(PARTS, "app.py").replace("3000", str(port)))
        process = subprocess.Popen([sys.executable, path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        leave_nothing(process)
        wait_for_port(port, process)
        sent = subprocess.run(["curl", "-s", "-H", "X-Hookward-Route: twenty", "-d", "{}", f"http://127.0.0.1:{port}/twenty"],
                              capture_output=True, text=True, timeout=60)
        count.check(sent.stdout == "taken\n" and process.stdout.readline().startswith("twenty "), "the app takes an event", sent)
        process.terminate()
        process.wait(60)


def run():
    count = Count("compose.yaml")
    try:
        whole = yaml.load(read(FILE), NoTwice)
        agree(count, whole)
        watched(count, whole["services"]["prometheus"])
    except (LookupError, OSError, yaml.YAMLError) as error:
        count.check(False, "something is not there", error)
    image(count)
    the_app(count)
    return [count]


if __name__ == "__main__":
    counts = run()
    for one in counts:
        print(f"{one.title:34} {one.passed:5} passed, {one.failed} failed")
    sys.exit(any(one.failed for one in counts))
