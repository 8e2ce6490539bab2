//! `compose.yaml` and its parts go together.

use crate::support::proxy::{command, project};

#[test]
fn compose_runs_this_version_with_a_configuration_that_is_right() {
    let compose = std::fs::read_to_string(project("compose.yaml")).unwrap();
    let image = concat!("image: hookward:", env!("CARGO_PKG_VERSION"), "\n");
    assert!(compose.contains(image), "compose.yaml has not {image}");
    let file = project("conf/compose/hookward/hookward.toml");
    let arguments = [
        "check",
        "--skip-secrets",
        "--config",
        file.to_str().unwrap(),
    ];
    let (code, _, error) = command(&arguments);
    assert_eq!(code, 0, "{error}");
    let config = std::fs::read_to_string(file).unwrap();
    for secret in ["hubspot", "twenty"] {
        assert!(config.contains(&format!("file = \"/run/secrets/{secret}\"")));
        let text = std::fs::read_to_string(project("conf/compose/secrets").join(secret)).unwrap();
        assert!(
            text.contains("an-example"),
            "a real secret in the repository?"
        );
    }
    // What the files are mounted from is there.
    for line in compose
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("- ./"))
    {
        let path = line.split(':').next().unwrap();
        assert!(project(path).exists(), "{path}");
    }
}
