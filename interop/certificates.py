"""An authority of the tests' own, and the certificates that it signs, made by openssl when they are needed."""
import os
import subprocess
import tempfile

CONFIG = """[req]
distinguished_name = name
[name]
[ca]
default_ca = past
[past]
database = {path}/issued
new_certs_dir = {path}
rand_serial = yes
policy = any
x509_extensions = client
copy_extensions = none
[any]
commonName = supplied
[client]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = clientAuth
"""
KEYS = {"ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["-newkey", "rsa:2048"]}


class Pair:
    """A certificate, with what lies between it and its root, and its private key: two files."""

    def __init__(self, path):
        self.cert, self.key = f"{path}.pem", f"{path}.key"

    def entry(self):
        """As an entry of `certificates` in `[server.tls]`."""
        return f'{{ cert = "{self.cert}", key = "{self.key}" }}'

    def options(self):
        """As options of openssl and curl."""
        return ["-cert", self.cert, "-key", self.key]


class Authority:
    """A root and an authority below it, which signs. `root` is the file by which the rest is verified."""

    def __init__(self, name="hookward interop"):
        self.folder = tempfile.TemporaryDirectory()
        self.config = self._path("openssl.cnf")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(path=self.folder.name))
        is_authority = "basicConstraints=critical,CA:TRUE"
        root = self._make("root", f"{name} root", [is_authority], None)
        self.root = root.cert
        self.signer = self._make("signer", name, [is_authority], root)

    def _path(self, name):
        return os.path.join(self.folder.name, name)

    def _make(self, file, name, extensions, signer, kind="ec"):
        made = Pair(self._path(file))
        command = ["openssl", "req", "-config", self.config, "-x509", "-new", "-noenc", *KEYS[kind], "-days", "30",
                   "-subj", f"/CN={name}", "-keyout", made.key, "-out", made.cert]
        for extension in extensions:
            command += ["-addext", extension]
        if signer:
            command += ["-CA", signer.cert, "-CAkey", signer.key]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        os.chmod(made.key, 0o600)
        return made

    def _chain(self, made):
        with open(made.cert, "a", encoding="ascii") as file, open(self.signer.cert, encoding="ascii") as signer:
            file.write(signer.read())
        return made

    def server(self, *names, kind="ec"):
        """A certificate for these names; what looks like an address is one."""
        kinds = ["IP" if name.replace(".", "").isdigit() else "DNS" for name in names]
        listed = ",".join(f"{kind}:{name}" for kind, name in zip(kinds, names))
        extensions = ["basicConstraints=critical,CA:FALSE", "extendedKeyUsage=serverAuth", f"subjectAltName={listed}"]
        return self._chain(self._make(f"server-{names[0]}-{kind}", names[0], extensions, self.signer, kind))

    def client(self, name, usage="clientAuth"):
        extensions = ["basicConstraints=critical,CA:FALSE", f"extendedKeyUsage={usage}"]
        return self._chain(self._make(f"client-{name}", name, extensions, self.signer))

    def expired_client(self, name):
        """A client's certificate that ended in 2021."""
        made = Pair(self._path(f"client-{name}"))
        request = f"{made.cert}.csr"
        open(self._path("issued"), "w", encoding="ascii").close()
        command = ["openssl", "req", "-config", self.config, "-new", "-noenc", *KEYS["ec"], "-subj", f"/CN={name}",
                   "-keyout", made.key, "-out", request]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        command = ["openssl", "ca", "-config", self.config, "-batch", "-notext", "-md", "sha256", "-in", request,
                   "-out", made.cert, "-cert", self.signer.cert, "-keyfile", self.signer.key,
                   "-startdate", "20200101000000Z", "-enddate", "20210101000000Z"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        return self._chain(made)
