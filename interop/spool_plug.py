"""The disk as it is after the power failed: what was brought to it is there, and of the rest some or nothing."""
import os
import random
import subprocess
import tempfile

from harness import ROOT

# What a disk writes whole or not at all.
SECTOR = 512
# How long the disk takes, in microseconds: as long as there is something on the way to it.
LATENCY = 5_000


class Plug:
    """Of the power of a program whose files are in this directory. Of 1,000 times that the disk is waited for, so many
    fail."""

    def __init__(self, directory, faults=0):
        self.directory, self.folder = directory, tempfile.TemporaryDirectory()
        self.shadow, self.flag, library = (os.path.join(self.folder.name, name) for name in ("shadow", "read-only", "plug.so"))
        os.mkdir(self.shadow)
        source = os.path.join(ROOT, "interop/plug.c")
        subprocess.run(["cc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        self.env = {"LD_PRELOAD": library, "PLUG_DIRECTORY": directory, "PLUG_SHADOW": self.shadow, "PLUG_READ_ONLY": self.flag,
                    "PLUG_LATENCY": str(LATENCY)}
        if faults:
            self.env["PLUG_FAULTS"] = str(faults)

    def pull(self, survives=0.0):
        """The program has been killed. Of what it had not brought to the disk, so much survives, sector by sector. Returns how
        many bytes that was, but for files that nobody needs afterwards."""
        found = self._read(self.directory)
        files = self._durable(found, survives)
        unsynced = 0
        for name, (kept, last) in files.items():
            if not name.endswith(("-shm", ".reserve")):
                unsynced += sum(kept[at:at + SECTOR] != last[at:at + SECTOR] for at in range(0, len(last), SECTOR))
            files[name] = mixed(kept, last, survives)
        for name in found:
            os.unlink(os.path.join(self.directory, name))
        for name in os.listdir(self.shadow):
            os.unlink(os.path.join(self.shadow, name))
        names = ""
        for name, content in files.items():
            path = os.path.join(self.directory, name)
            write(path, content)
            number = os.stat(path).st_ino
            write(os.path.join(self.shadow, str(number)), content)
            names += f"{name} {number}\n"
        write(os.path.join(self.shadow, "names"), names.encode())
        return unsynced * SECTOR

    def _durable(self, found, survives):
        """Of each file that is there afterwards: what was brought to the disk, and what was there last."""
        path = os.path.join(self.shadow, "names")
        names = {}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                names = dict(line.split() for line in file)
        # A name that was given or taken since is there or not, each by itself.
        given = [name for name in found if name not in names and random.random() < survives]
        taken = [name for name in names if name not in found and random.random() < survives]
        names = {name: number for name, number in names.items() if name not in taken}
        names.update({name: str(os.stat(os.path.join(self.directory, name)).st_ino) for name in given})
        shadows = self._read(self.shadow)
        kept = {name: shadows.get(number, b"") for name, number in names.items()}
        return {name: (content, found.get(name, content)) for name, content in kept.items()}

    @staticmethod
    def _read(directory):
        contents = {}
        for name in os.listdir(directory):
            with open(os.path.join(directory, name), "rb") as file:
                contents[name] = file.read()
        return contents


def write(path, content):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


def mixed(kept, last, survives):
    """What was kept, with sectors of what was there last. A file may have its new length without what is in it."""
    length = len(last) if random.random() < survives else len(kept)
    sectors = []
    for at in range(0, length, SECTOR):
        content = last if random.random() < survives else kept
        sectors.append(content[at:at + SECTOR].ljust(SECTOR, b"\0"))
    return b"".join(sectors)[:length]
