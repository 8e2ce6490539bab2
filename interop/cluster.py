"""The files for Kubernetes, as kubectl puts them together: right by the published schemas, and of one mind with each other and with
hookward's configuration in them."""
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib

import kubernetes_validate
import yaml

from cluster_pod import in_the_pod
from harness import BINARY, ROOT, Count
from unit import read, write
from unit_sandbox import USER

FILES = os.path.join(ROOT, "conf/kubernetes")
NODE = os.path.join(ROOT, "interop/node/node_modules")
# The first with native sidecars, and the last that the package has.
VERSIONS = ("1.29.0", kubernetes_validate.latest_version())
LIMIT = 60


def build(folder):
    """The objects that a kustomization comes to."""
    kubectl = os.path.join(os.path.dirname(sys.executable), "kubectl")
    built = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, timeout=LIMIT)
    if built.returncode or built.stderr:
        raise ValueError(built.stderr)
    return list(yaml.safe_load_all(built.stdout))


def with_disk(folder):
    """The example with the component that it has in a comment."""
    for name in ("sidecar", "monitoring", "spool-disk", "example"):
        shutil.copytree(os.path.join(FILES, name), os.path.join(folder, name))
    kustomization = os.path.join(folder, "example/kustomization.yaml")
    write(kustomization, read(kustomization).replace("# - ../spool-disk", "- ../spool-disk"))
    return os.path.join(folder, "example")


def with_own_values(folder):
    """The example with what docs/kubernetes.md has for those who want other values for the whole pod."""
    shutil.copytree(FILES, os.path.join(folder, "own"))
    kustomization = os.path.join(folder, "own/example/kustomization.yaml")
    patch = re.search(r"^```yaml\n(patches:.*?)^```", read(ROOT, "docs/kubernetes.md"), re.S | re.M)[1]
    write(kustomization, read(kustomization) + patch)
    return os.path.join(folder, "own/example")


def typed(monitors):
    """What is wrong with ServiceMonitors by the types that are made of their definition; one line each."""
    lines = ['import type { IServiceMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor";']
    lines += [f"export const m{number}: IServiceMonitor = {json.dumps(monitor)};" for number, monitor in enumerate(monitors)]
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(NODE, os.path.join(folder, "node_modules"))
        write(os.path.join(folder, "monitors.mts"), "\n".join(lines))
        found = subprocess.run(["node", os.path.join(NODE, "typescript/bin/tsc"), "--noEmit", "--strict", "--skipLibCheck", "--module", "node16",
                                "--moduleResolution", "node16", "monitors.mts"], cwd=folder, capture_output=True, text=True, timeout=LIMIT)
        return found.stdout.splitlines()


def is_right(thing, version):
    try:
        kubernetes_validate.validate(thing, version, strict=True)
        return True
    except kubernetes_validate.ValidationError as error:
        return False, ".".join(map(str, error.path)), error.message[:200]


def schemas(count, things):
    """What several kustomizations have alike is looked at once."""
    distinct = list({json.dumps(thing, sort_keys=True): thing for thing in things}.values())
    monitors = [thing for thing in distinct if thing["kind"] == "ServiceMonitor"]
    for thing in distinct:
        if thing["kind"] != "ServiceMonitor":
            for version in VERSIONS:
                found = is_right(thing, version)
                count.check(found is True, f"{thing['kind']} {thing['metadata']['name']} by the schemas of {version}", found)
    wrong = typed(monitors)
    count.check(monitors and not wrong, "ServiceMonitors by their definition", wrong)


def refuses_the_unknown(count, things):
    """That the schemas know which keys there are."""
    for thing in things:
        place = thing.get("spec", thing["metadata"])
        place["unknwon"] = 1
        found = typed([thing]) if thing["kind"] == "ServiceMonitor" else is_right(thing, VERSIONS[-1]) is not True
        count.check(found, f"an unknown key in a {thing['kind']} is found")
        del place["unknwon"]


class Objects:
    """Of one kustomization, by kind and name."""

    def __init__(self, things):
        self.things = things

    def of(self, kind):
        return {thing["metadata"]["name"]: thing for thing in self.things if thing["kind"] == kind}

    @functools.cached_property
    def deployment(self):
        return self.of("Deployment")["example-app"]

    @property
    def template(self):
        return self.deployment["spec"]["template"]

    @property
    def pod(self):
        return self.template["spec"]

    @functools.cached_property
    def sidecar(self):
        return next(container for container in self.pod["initContainers"] if container["name"] == "hookward")

    @functools.cached_property
    def config(self):
        return self.of("ConfigMap")["hookward"]["data"]["hookward.toml"]


def seconds(duration):
    return int(re.fullmatch(r"(\d+)s", duration)[1])


def agree(count, name, objects):
    """What no schema can know."""
    def check(is_so, what, found=None):
        count.check(is_so, f"{name}: {what}", found)

    pod, sidecar, config = objects.pod, objects.sidecar, tomllib.loads(objects.config)
    labels = objects.template["metadata"]["labels"].items()
    check(sidecar["restartPolicy"] == "Always", "hookward is a native sidecar")
    ports = {port["name"]: port["containerPort"] for port in sidecar["ports"]}
    listens = {"hooks": config["server"]["listen"][0], "admin": config["admin"]["listen"]}
    check(listens == {name: f"0.0.0.0:{port}" for name, port in ports.items()}, "the ports are those of the configuration", (ports, listens))
    for service in objects.of("Service").values():
        check(service["spec"]["selector"].items() <= labels, "a Service has the pod")
        check(all(ports[port["name"]] == port["targetPort"] for port in service["spec"]["ports"]), "a Service has hookward's ports alone",
              service["spec"]["ports"])
    check(not any("ports" in container for container in pod["containers"]), "the app's port is nobody's")
    apps = [route["upstream"] for route in config["route"]]
    check(all(app.startswith("http://127.0.0.1:") for app in apps), "the app is in the pod", apps)
    policy = objects.of("NetworkPolicy")["hookward"]["spec"]
    check(policy["podSelector"]["matchLabels"].items() <= labels and policy["policyTypes"] == ["Ingress"], "the policy has the pod")
    let_in = sorted(port["port"] for rule in policy["ingress"] for port in rule["ports"])
    check(let_in == sorted(ports.values()) and all(rule["from"] for rule in policy["ingress"]), "the policy lets in to hookward alone", let_in)
    budget = objects.of("PodDisruptionBudget")["hookward"]["spec"]
    check(budget["selector"]["matchLabels"].items() <= labels and budget["maxUnavailable"] == 1, "the budget has the pod")
    monitor = objects.of("ServiceMonitor")["hookward"]["spec"]
    admin = objects.of("Service")["hookward-admin"]
    check(monitor["selector"]["matchLabels"].items() <= admin["metadata"]["labels"].items(), "the monitor has a Service")
    check([end["port"] for end in monitor["endpoints"]] == [port["name"] for port in admin["spec"]["ports"]], "the monitor has its port")
    check(not monitor["selector"]["matchLabels"].items() <= objects.of("Service")["hookward"]["metadata"]["labels"].items(), "and not the senders'")
    backends = [path["backend"]["service"] for rule in objects.of("Ingress")["hookward"]["spec"]["rules"] for path in rule["http"]["paths"]]
    check(backends == [{"name": "hookward", "port": {"name": "hooks"}}], "the ingress leads to hookward", backends)
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounts = {mount["mountPath"]: volumes[mount["name"]] for mount in sidecar["volumeMounts"]}
    check("subPath" not in str(sidecar["volumeMounts"]), "files can be exchanged")
    check(mounts["/etc/hookward"]["configMap"]["name"] in objects.of("ConfigMap"), "the configuration is there")
    secrets = [secret["file"] for route in config["route"] for secret in route["verify"]["secrets"]]
    check({os.path.dirname(file) for file in secrets} == {"/run/secrets/hookward"} <= set(mounts), "the secrets are where they are mounted", secrets)
    check(mounts["/run/secrets/hookward"]["secret"]["defaultMode"] == 0o440 and pod["securityContext"]["fsGroup"] == USER,
          "others cannot read the secrets")
    for claim in (volume["persistentVolumeClaim"]["claimName"] for volume in pod["volumes"] if "persistentVolumeClaim" in volume):
        check(claim in objects.of("PersistentVolumeClaim"), "the disk is there")
        check(objects.deployment["spec"]["strategy"] == {"type": "Recreate"}, "one pod at a time has the disk")
    check(config["server"]["watch"], "it watches its files")
    replicas = objects.deployment["spec"]["replicas"]
    check(replicas == 1 or config["replay"]["store"] == "redis", "several replicas remember together", replicas)
    check(replicas == 1 or config.get("spool", {}).get("store", "nats") == "nats", "several replicas store together", replicas)
    context = sidecar["securityContext"]
    wanted = {"runAsNonRoot": True, "runAsUser": USER, "runAsGroup": USER, "readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False,
              "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}}
    check(context == wanted, "hookward may do nothing but serve", context)
    sleep = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    grace = seconds(tomllib.loads(read(ROOT, "conf/hookward.toml"))["server"]["shutdown_grace"])
    check("shutdown_grace" not in config["server"], "shutdown_grace is the default")
    # The kubelet's own default is how long the app may take.
    check(pod["terminationGracePeriodSeconds"] >= sleep + 30 + grace + 10, "there is time to stop in", (sleep, grace))


def judged(count, name, objects):
    """The configuration by hookward's own word."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "hookward.toml")
        write(path, objects.config)
        said = subprocess.run([BINARY, "check", "--skip-secrets", "--config", path], capture_output=True, text=True, timeout=LIMIT)
    count.check(said.returncode == 0, f"{name}: hookward check", said.stderr + said.stdout)
    warnings = re.findall(r"^warning: (\S+):", said.stderr + said.stdout, re.M)
    expected = {"admin.listen"} | ({"route.spool"} if "spool" in objects.config else set())
    count.check(set(warnings) == expected, f"{name}: its warnings", warnings)
    memory = re.search(r"at most (\d+) MiB", said.stderr + said.stdout)
    limit = int(re.fullmatch(r"(\d+)Mi", objects.sidecar["resources"]["limits"]["memory"])[1])
    count.check(memory and int(memory[1]) <= limit, f"{name}: the limit of memory", (memory and memory[1], limit))


def run():
    count = Count("files for Kubernetes")
    with tempfile.TemporaryDirectory() as folder:
        built = {}
        for name, place in {"example": f"{FILES}/example", "replicas": f"{FILES}/replicas", "spool-disk": with_disk(folder)}.items():
            try:
                built[name] = Objects(build(place))
            except ValueError as error:
                count.check(False, f"{name}: kubectl kustomize", error)
        own = Objects(build(with_own_values(folder))).pod
        values = own["terminationGracePeriodSeconds"], own["securityContext"]["fsGroup"]
        count.check(values == (180, 2000), "the pod has values of its own by what docs/kubernetes.md has for it", values)
    schemas(count, [thing for objects in built.values() for thing in objects.things])
    for name, objects in built.items():
        try:
            agree(count, name, objects)
            judged(count, name, objects)
        except LookupError as error:
            count.check(False, f"{name}: something is not there", error)
    if "example" not in built:
        return [count]
    refuses_the_unknown(count, built["example"].things)
    return [count, in_the_pod(built["example"])]


if __name__ == "__main__":
    counts = run()
    for one in counts:
        print(f"{one.title:34} {one.passed:5} passed, {one.failed} failed")
    sys.exit(any(one.failed for one in counts))
