//! `compose.yaml` and its parts go together. What it refers to is there, nothing in it runs with more rights than it
//! needs, and the program takes the configuration that it mounts. That Docker takes the file: interop/compose_config.py.

use std::path::{Path, PathBuf};

use toml::Table;
use yaml_serde::{Mapping, Value};

use crate::support::proxy::{command, project};

/// compose.yaml with its anchors put in.
struct Compose(Value);

impl Compose {
    fn read() -> Self {
        let text = std::fs::read_to_string(project("compose.yaml")).unwrap();
        let mut document: Value = yaml_serde::from_str(&text).unwrap();
        document.apply_merge().unwrap();
        Self(document)
    }

    fn services(&self) -> impl Iterator<Item = (&str, &Value)> {
        entries(&self.0["services"])
    }

    /// Whether `name` is declared at the top, under `room`.
    fn has(&self, room: &str, name: &str) -> bool {
        self.0[room].get(name).is_some()
    }
}

fn entries(mapping: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let entries = mapping.as_mapping().into_iter().flat_map(Mapping::iter);
    entries.map(|(name, value)| (name.as_str().unwrap(), value))
}

fn texts(list: &Value) -> Vec<&str> {
    let items = list.as_sequence().into_iter().flatten();
    items.map(|item| item.as_str().unwrap()).collect()
}

/// What a service mounts.
struct Mount {
    source: String,
    target: String,
    is_read_only: bool,
}

impl Mount {
    fn is_of_a_folder(&self) -> bool {
        self.source.starts_with('.')
    }
}

fn mounts(service: &Value) -> Vec<Mount> {
    let of_text = |text: &str| {
        let mut parts = text.split(':');
        let mut next = || parts.next().unwrap_or_default().to_owned();
        let (source, target, options) = (next(), next(), next());
        Mount {
            source,
            target,
            is_read_only: options.split(',').any(|option| option == "ro"),
        }
    };
    texts(&service["volumes"])
        .into_iter()
        .map(of_text)
        .collect()
}

/// The project's file that a container has at `path`.
fn mounted(service: &Value, path: &str) -> Option<PathBuf> {
    mounts(service).iter().find_map(|mount| {
        let below = Path::new(path).strip_prefix(&mount.target).ok()?;
        let source = project(&mount.source);
        // Of a file that is mounted itself nothing is below.
        let file = if source.is_file() {
            source
        } else {
            source.join(below)
        };
        (mount.is_of_a_folder() && file.exists()).then_some(file)
    })
}

fn has_an_example(file: &Path) {
    let text = std::fs::read_to_string(file).unwrap();
    let file = file.display();
    assert!(
        text.contains("an-example"),
        "a real secret in the repository? {file}"
    );
}

#[test]
fn what_a_service_refers_to_is_there() {
    let compose = Compose::read();
    for (name, service) in compose.services() {
        for mount in mounts(service) {
            if mount.is_of_a_folder() {
                let source = project(&mount.source);
                assert!(source.exists(), "{name} mounts {}", mount.source);
                assert!(mount.is_read_only, "{name} may write {}", mount.source);
            } else {
                assert!(compose.has("volumes", &mount.source), "{}", mount.source);
            }
            assert!(mount.target.starts_with('/'), "{name}: {}", mount.target);
        }
        for secret in texts(&service["secrets"]) {
            let file = compose.0["secrets"][secret]["file"].as_str().unwrap();
            has_an_example(&project(file));
        }
        for (other, _) in entries(&service["depends_on"]) {
            assert!(compose.has("services", other), "{name} waits for {other}");
        }
        for network in texts(&service["networks"]) {
            assert!(compose.has("networks", network), "{name} joins {network}");
        }
        let network = service["network_mode"].as_str().unwrap_or_default();
        if let Some(other) = network.strip_prefix("service:") {
            assert!(compose.has("services", other), "{name} joins {other}");
        }
    }
    for declared in ["volumes", "secrets"].map(|room| entries(&compose.0[room])) {
        for (name, _) in declared {
            let is_used = |service: &Value| {
                let mut mounts = mounts(service).into_iter();
                mounts.any(|mount| mount.source == name)
                    || texts(&service["secrets"]).contains(&name)
            };
            let used = compose.services().any(|(_, service)| is_used(service));
            assert!(used, "nobody uses {name}");
        }
    }
}

#[test]
fn no_service_has_more_rights_than_it_needs() {
    let compose = Compose::read();
    let mut published = Vec::new();
    for (name, service) in compose.services() {
        assert_eq!(service["read_only"], Value::Bool(true), "{name}");
        assert_eq!(texts(&service["cap_drop"]), ["ALL"], "{name}");
        let options = texts(&service["security_opt"]);
        assert_eq!(options, ["no-new-privileges:true"], "{name}");
        for more in ["privileged", "cap_add", "devices", "pid", "ipc"] {
            assert!(service.get(more).is_none(), "{name} has {more}");
        }
        let user = service["user"].as_str();
        let is_root = user.is_some_and(|user| matches!(user.split(':').next(), Some("0" | "root")));
        assert!(!is_root, "{name} runs as root");
        let ports = texts(&service["ports"]).into_iter();
        published.extend(ports.filter(|port| !port.starts_with("127.0.0.1:")));
    }
    // An image of a language runs as root where nobody says otherwise; those of services have users of their own.
    let app = &compose.0["services"]["app"];
    assert!(app["user"].as_str().is_some(), "app has no user");
    assert_eq!(published, ["8080:8080"], "senders' port alone is for all");
}

#[test]
fn every_service_tells_whether_it_is_well() {
    let compose = Compose::read();
    let dockerfile = std::fs::read_to_string(project("Dockerfile")).unwrap();
    for (name, service) in compose.services() {
        let test = texts(&service["healthcheck"]["test"]);
        let is_own = service["image"].as_str().unwrap().starts_with("hookward:");
        if is_own && test.is_empty() {
            assert!(dockerfile.contains("\nHEALTHCHECK "), "{name}");
        } else {
            assert_eq!(test.first(), Some(&"CMD"), "{name} has no health check");
        }
    }
}

#[test]
fn hookward_is_of_this_version_and_takes_its_configuration() {
    let compose = Compose::read();
    let service = &compose.0["services"]["hookward"];
    let image = concat!("hookward:", env!("CARGO_PKG_VERSION"));
    assert_eq!(service["image"].as_str(), Some(image));
    let file = mounted(service, "/etc/hookward/hookward.toml").unwrap();
    let arguments = [
        "check",
        "--skip-secrets",
        "--config",
        file.to_str().unwrap(),
    ];
    let (code, _, error) = command(&arguments);
    assert_eq!(code, 0, "{error}");

    // What it names is in the container: the secrets, and a place to write to.
    let config: Table = toml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let given = texts(&service["secrets"]);
    for route in config["route"].as_array().unwrap() {
        for secret in route["verify"]["secrets"].as_array().unwrap() {
            let path = secret["file"].as_str().unwrap();
            let is_given = path
                .strip_prefix("/run/secrets/")
                .is_some_and(|name| given.contains(&name));
            match mounted(service, path) {
                Some(file) => has_an_example(&file),
                None => assert!(is_given, "{path} is not in the container"),
            }
        }
    }
    let spool = config["spool"]["directory"].as_str().unwrap();
    let mut mounts = mounts(service).into_iter();
    let volume = mounts.find(|mount| mount.target == spool).unwrap();
    assert!(!volume.is_read_only && !volume.is_of_a_folder());
}
