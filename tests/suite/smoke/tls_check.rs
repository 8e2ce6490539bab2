//! What `hookward check` says of certificates and keys before a sender meets them.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::support::proxy::command;

/// Files for a configuration with TLS.
struct Files {
    directory: tempfile::TempDir,
}

/// A certificate, its key, and what else it signs.
struct Made {
    certificate: Certificate,
    params: CertificateParams,
    key: KeyPair,
}

impl Made {
    fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.params, &self.key)
    }
}

fn authority(name: &str, signer: Option<&Made>) -> Made {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = match signer {
        Some(signer) => params.signed_by(&key, &signer.issuer()).unwrap(),
        None => params.self_signed(&key).unwrap(),
    };
    Made {
        certificate,
        params,
        key,
    }
}

fn server(names: &[&str], change: impl FnOnce(&mut CertificateParams), signer: &Made) -> Made {
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).unwrap();
    let name = "a certificate of a server";
    params.distinguished_name.push(DnType::CommonName, name);
    change(&mut params);
    let certificate = params.signed_by(&key, &signer.issuer()).unwrap();
    Made {
        certificate,
        params,
        key,
    }
}

/// The certificates of these in one file.
fn chain(of: &[&Made]) -> String {
    of.iter().map(|made| made.certificate.pem()).collect()
}

/// What `check` said.
struct Said {
    code: i32,
    text: String,
}

impl Said {
    /// Asserts that there is this finding, and no other.
    fn only(&self, is_error: bool, words: &str) {
        let severity = if is_error { "error: " } else { "warning: " };
        assert_eq!(self.code, if is_error { 2 } else { 0 }, "{}", self.text);
        let findings: Vec<&str> = self.findings();
        assert_eq!(findings.len(), 1, "{words}: {}", self.text);
        let is_it = findings[0].starts_with(severity) && findings[0].contains(words);
        assert!(is_it, "{words}: {}", self.text);
    }

    fn nothing(&self) {
        assert_eq!(self.code, 0, "{}", self.text);
        assert_eq!(self.findings(), [""; 0], "{}", self.text);
    }

    fn findings(&self) -> Vec<&str> {
        let is_finding = |line: &&str| line.starts_with("error: ") || line.starts_with("warning: ");
        self.text.lines().filter(is_finding).collect()
    }
}

const PUBLIC_URL: &str = "public_url = \"https://hooks.example.com\"";

impl Files {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        self.permit(name, 0o600);
    }

    fn permit(&self, name: &str, mode: u32) {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(self.path(name), permissions).unwrap();
    }

    /// Checks a configuration with `tls.crt` and `tls.key`, these further keys of its tables, and these
    /// arguments.
    fn check_with(&self, server: &str, tls: &str, route: &str, arguments: &[&str]) -> Said {
        let config = format!(
            "[server]\n{server}\n[server.tls]\nlisten = [\"127.0.0.1:0\"]\n\
             certificates = [{{ cert = {:?}, key = {:?} }}]\n{tls}\n[admin]\nlisten = \"127.0.0.1:0\"\n\
             [[route]]\nname = \"r\"\npath = \"/r\"\nupstream = \"http://127.0.0.1:1\"\n{route}\n\
             [route.verify]\nscheme = \"twenty\"\n\
             secrets = [{{ id = \"a\", value = \"a secret of a sound length\" }}]\n",
            self.path("tls.crt"),
            self.path("tls.key"),
        );
        self.write("hookward.toml", config);
        let file = self.path("hookward.toml");
        let mut all = vec!["check", "--config", file.to_str().unwrap()];
        all.extend(arguments);
        let (code, out, error) = command(&all);
        Said {
            code,
            text: out + &error,
        }
    }

    /// Checks a configuration with `tls.crt`, `tls.key` and a route for `hooks.example.com`.
    fn check(&self) -> Said {
        self.check_with("", "", PUBLIC_URL, &[])
    }

    /// Checks a chain and its key.
    fn check_pair(&self, chain: &str, key: &str) -> Said {
        self.write("tls.crt", chain);
        self.write("tls.key", key);
        self.check()
    }
}

#[test]
fn a_sound_certificate_is_not_remarked_upon() {
    let files = Files::new();
    let root = authority("root", None);
    let middle = authority("middle", Some(&root));
    let leaf = server(&["hooks.example.com"], |_| {}, &middle);
    for of in [&[&leaf, &middle][..], &[&leaf, &middle, &root], &[&leaf]] {
        files
            .check_pair(&chain(of), &leaf.key.serialize_pem())
            .nothing();
    }
    // One file for both, as some servers want it.
    let both = leaf.key.serialize_pem() + &chain(&[&leaf, &middle]);
    files.check_pair(&both, &both).nothing();
}

#[test]
fn keys_of_other_certificates_and_chains_in_the_wrong_order_are_errors() {
    let files = Files::new();
    let root = authority("root", None);
    let middle = authority("middle", Some(&root));
    let leaf = server(&["hooks.example.com"], |_| {}, &middle);
    let key = leaf.key.serialize_pem();
    let other = server(&["hooks.example.com"], |_| {}, &middle);
    files
        .check_pair(&chain(&[&leaf, &middle]), &other.key.serialize_pem())
        .only(true, "this key is not that of the certificate");
    for (of, number) in [
        (&[&middle, &leaf][..], 2),
        (&[&leaf, &root, &middle], 2),
        (&[&leaf, &middle, &leaf], 3),
    ] {
        let words = format!("the chain is in the wrong order: certificate {number} of the file");
        files.check_pair(&chain(of), &key).only(true, &words);
    }
    // Both files are looked at, whatever the first is like.
    let said = files.check_pair(&chain(&[&middle, &leaf]), "");
    assert_eq!(said.findings().len(), 2, "{}", said.text);
}

#[test]
fn files_that_hold_no_certificate_or_key_are_named() {
    let root = authority("root", None);
    let leaf = server(&["hooks.example.com"], |_| {}, &root);
    let (certificate, key) = (chain(&[&leaf]), leaf.key.serialize_pem());
    let files = Files::new();
    let no_certificate = "the file holds no certificate";
    let no_key = "the file holds no private key";
    for (content, words) in [
        ("", no_certificate),
        ("nothing of the kind", no_certificate),
        (&*key, no_certificate),
        (
            "-----BEGIN CERTIFICATE-----\n%%\n-----END CERTIFICATE-----\n",
            "cannot be read as PEM",
        ),
        (
            "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n",
            "is no X.509 certificate",
        ),
    ] {
        files.check_pair(content, &key).only(true, words);
    }
    for (content, words) in [
        ("", no_key),
        ("nothing of the kind", no_key),
        (&*certificate, no_key),
        (
            "-----BEGIN PRIVATE KEY-----\naGVsbG8=\n-----END PRIVATE KEY-----\n",
            "this kind of key cannot be used",
        ),
        (
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\naGVsbG8=\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "encrypted with a password",
        ),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n\
             aGVsbG8=\n-----END RSA PRIVATE KEY-----\n",
            "encrypted with a password",
        ),
    ] {
        let said = files.check_pair(&certificate, content);
        said.only(true, words);
        assert!(!said.text.contains("aGVsbG8"), "{}", said.text);
    }
}

#[test]
fn a_key_in_the_place_of_its_file_is_not_shown() {
    let key = "-----BEGIN PRIVATE KEY-----\nvisible\n-----END PRIVATE KEY-----\n";
    let config = format!(
        "[server.tls]\nlisten = [\"127.0.0.1:0\"]\ncertificates = [{{ cert = \"/c\", key = {key:?} }}]\n"
    );
    let files = Files::new();
    files.write("hookward.toml", config);
    let file = files.path("hookward.toml");
    for subcommand in ["check", "run"] {
        let (code, out, error) = command(&[subcommand, "--config", file.to_str().unwrap()]);
        let said = out + &error;
        assert!(code == 2 && said.contains("cannot read the file"), "{said}");
        assert!(!said.contains("visible"), "{said}");
    }
}

/// A pipe that nobody writes to would never be read to its end.
#[test]
fn what_is_no_regular_file_is_not_waited_for() {
    let root = authority("root", None);
    let leaf = server(&["hooks.example.com"], |_| {}, &root);
    let files = Files::new();
    files.write("tls.crt", chain(&[&leaf]));
    files.write("tls.key", leaf.key.serialize_pem());
    for name in ["tls.crt", "tls.key", "clients.pem"] {
        let tls = format!("client_ca = {:?}", files.path("clients.pem"));
        let tls = if name == "clients.pem" { &*tls } else { "" };
        let path = files.path(name);
        let before = std::fs::read(&path).unwrap_or_default();
        let _ = std::fs::remove_file(&path);
        let check = || files.check_with("", tls, PUBLIC_URL, &[]);
        check().only(true, "cannot read the file: No such file");
        std::fs::create_dir(&path).unwrap();
        files.permit(name, 0o700);
        check().only(true, "it is no regular file");
        std::fs::remove_dir(&path).unwrap();
        let made = Command::new("mkfifo").arg("-m600").arg(&path).status();
        assert!(made.unwrap().success());
        check().only(true, "it is no regular file");
        std::fs::remove_file(&path).unwrap();
        files.write(name, before);
    }
}

#[test]
fn certificates_for_other_hosts_are_warned_of() {
    let root = authority("root", None);
    let files = Files::new();
    let warns = |names: &[&str], server_keys: &str, route: &str| {
        let leaf = server(names, |_| {}, &root);
        files.write("tls.crt", chain(&[&leaf]));
        files.write("tls.key", leaf.key.serialize_pem());
        files.check_with(server_keys, "", route, &[])
    };
    let https = |host: &str| format!("public_url = \"https://{host}\"");
    for (name, host) in [
        ("hooks.example.com", "hooks.example.com"),
        ("hooks.example.com", "hooks.example.com:8443/in"),
        ("HOOKS.example.com", "hooks.example.com"),
        ("*.example.com", "hooks.example.com"),
        ("192.0.2.1", "192.0.2.1:8443"),
        ("2001:db8::1", "[2001:db8::1]"),
    ] {
        warns(&[name], "", &https(host)).nothing();
        warns(&["another.example", name], "", &https(host)).nothing();
    }
    for (name, host) in [
        ("hooks.example.com", "hooks.example.org"),
        ("hooks.example.com", "example.com"),
        ("*.example.com", "example.com"),
        ("*.example.com", "a.hooks.example.com"),
        ("192.0.2.1", "192.0.2.2"),
        ("*.0.2.1", "192.0.2.1"),
    ] {
        let said = warns(&[name], "", &https(host));
        let words = format!("this certificate is for `{name}`, which is neither");
        said.only(false, &words);
    }
    // Hosts of `public_hosts` count too, whatever their port.
    let hosts = "public_hosts = [\"a.example:8443\", \"b.example\"]";
    warns(&["a.example"], hosts, "").nothing();
    warns(&["b.example"], hosts, &https("c.example")).nothing();
    warns(&["d.example"], hosts, "").only(false, "(`a.example`, `b.example`)");
    // Without such a host it is not known what senders call.
    warns(&["d.example"], "", "").nothing();
    let plain = "public_url = \"http://hooks.example.com\"";
    let said = warns(&["d.example"], "", plain);
    assert!(!said.text.contains("this certificate"), "{}", said.text);
    warns(&[], "", "").only(false, "names no host in its subjectAltName");
}

#[test]
fn certificates_out_of_their_time_are_warned_of() {
    let root = authority("root", None);
    let files = Files::new();
    let day = Duration::from_secs(24 * 3_600);
    let now = SystemTime::now();
    let check = |from: SystemTime, to: SystemTime| {
        let times = |params: &mut CertificateParams| {
            params.not_before = from.into();
            params.not_after = to.into();
        };
        let leaf = server(&["hooks.example.com"], times, &root);
        files.check_pair(&chain(&[&leaf]), &leaf.key.serialize_pem())
    };
    let before = now - 90 * day;
    let hour = day / 24;
    check(before, now + 15 * day).nothing();
    check(before, now + 14 * day - hour).only(false, "this certificate ends in 13 days");
    check(before, now + day + hour).only(false, "this certificate ends in 1 day;");
    check(before, now + hour).only(false, "this certificate ends in less than a day");
    check(before, now - hour).only(false, "this certificate has ended");
    check(now + hour, now + 90 * day).only(false, "this certificate is not valid yet");
    // One of the chain.
    let mut middle = authority("middle", Some(&root));
    middle.params.not_after = (now - hour).into();
    let certificate = middle.params.signed_by(&middle.key, &root.issuer());
    middle.certificate = certificate.unwrap();
    let leaf = server(&["hooks.example.com"], |_| {}, &middle);
    files
        .check_pair(&chain(&[&leaf, &middle]), &leaf.key.serialize_pem())
        .only(false, "certificate 2 of the file has ended");
}

#[test]
fn a_key_that_everybody_may_use_is_warned_of() {
    let root = authority("root", None);
    let leaf = server(&["hooks.example.com"], |_| {}, &root);
    let files = Files::new();
    files.write("tls.crt", chain(&[&leaf]));
    files.write("tls.key", leaf.key.serialize_pem());
    for (mode, is_open) in [
        (0o600, false),
        (0o640, false),
        (0o644, true),
        (0o602, true),
        (0o400, false),
    ] {
        files.permit("tls.key", mode);
        let said = files.check();
        if is_open {
            let words = format!("every user of this machine may use this key (mode {mode:03o})");
            said.only(false, &words);
        } else {
            said.nothing();
        }
    }
    // Whoever may read the certificate does no harm.
    files.permit("tls.crt", 0o644);
    files.check().nothing();
}

#[test]
fn authorities_of_senders_must_be_some() {
    let root = authority("root", None);
    let leaf = server(&["hooks.example.com"], |_| {}, &root);
    let files = Files::new();
    files.write("tls.crt", chain(&[&leaf]));
    files.write("tls.key", leaf.key.serialize_pem());
    let tls = format!("client_ca = {:?}", files.path("clients.pem"));
    let check = |content: &str| {
        files.write("clients.pem", content);
        files.check_with("", &tls, PUBLIC_URL, &[])
    };
    let middle = authority("middle", Some(&root));
    check(&chain(&[&root])).nothing();
    check(&chain(&[&middle])).nothing();
    check("").only(true, "the file holds no certificate");
    check(&leaf.key.serialize_pem()).only(true, "the file holds no certificate");
    check(&chain(&[&root, &leaf])).only(false, "certificate 2 of the file is no authority");
    // One that is signed by itself is its own.
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "client");
    check(&params.self_signed(&key).unwrap().pem()).nothing();
}

#[test]
fn no_file_is_read_where_secrets_are_skipped() {
    let files = Files::new();
    let tls = format!("client_ca = {:?}", files.path("clients.pem"));
    let skip = ["--skip-secrets"];
    files.check_with("", &tls, PUBLIC_URL, &skip).nothing();
    for name in ["tls.crt", "tls.key", "clients.pem"] {
        files.write(name, "nothing of the kind");
        files.permit(name, 0o666);
    }
    files.check_with("", &tls, PUBLIC_URL, &skip).nothing();
    let said = files.check_with("", &tls, PUBLIC_URL, &[]);
    assert_eq!(said.code, 2);
    assert_eq!(said.findings().len(), 4, "{}", said.text);
}

#[test]
fn keys_of_other_kinds_are_read() {
    let files = Files::new();
    for algorithm in [&rcgen::PKCS_ED25519, &rcgen::PKCS_ECDSA_P384_SHA384] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let params = CertificateParams::new(vec!["hooks.example.com".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        files
            .check_pair(&certificate.pem(), &key.serialize_pem())
            .nothing();
    }
}
