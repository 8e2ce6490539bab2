"""Docker Compose itself reads compose.yaml, without a daemon, and what is broken in the ways in which people break it is
refused: else that it reads the file would say nothing."""
import os
import subprocess
import tempfile

from harness import ROOT, Count

FILE = os.path.join(ROOT, "compose.yaml")
# What is put for what: each has to be there.
BROKEN = {
    "a misspelt key": ("  read_only: true\n", "  read_onyl: true\n"),
    "a misspelt key of the top": ("\nvolumes:\n", "\nvolume:\n"),
    "a list that is indented too far": ("    volumes:\n", "      volumes:\n"),
    "a key that is indented too little": ("    image: hookward:", "  image: hookward:"),
    "an anchor that is not there": ("<<: *hardened\n", "<<: *hardend\n"),
    "a volume that is not declared": ("\n  spool:\n", "\n  spol:\n"),
    "a secret that is not declared": ("secrets: [grafana]", "secrets: [grafan]"),
    "a time without a unit": ("stop_grace_period: 40s", "stop_grace_period: 40x"),
    "a word that no condition is": ("condition: service_healthy", "condition: service_helthy"),
}


def reads(file):
    command = [os.path.join(ROOT, "tools/docker-compose"), "--project-directory", ROOT, "-f", file, "config", "--quiet"]
    said = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return said.returncode == 0, said.stdout


def run():
    count = Count("compose.yaml, by Docker Compose")
    is_read, said = reads(FILE)
    # Warnings are said where it is read.
    count.check(is_read and not said, "compose.yaml", said)
    if not is_read:
        return [count]
    with open(FILE, encoding="utf-8") as file:
        right = file.read()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "compose.yaml")
        for what, (there, instead) in BROKEN.items():
            count.check(there in right, f"compose.yaml has {there!r}")
            with open(path, "w", encoding="utf-8") as file:
                file.write(right.replace(there, instead, 1))
            count.check(not reads(path)[0], what)
    return [count]


if __name__ == "__main__":
    for count in run():
        print(f"{count.title:34} {count.passed:5} passed, {count.failed} failed")
