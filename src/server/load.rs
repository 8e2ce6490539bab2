//! Reading a configuration so that no change of its files passes unseen.
//!
//! A file that changes while the configuration is being read may be read in its old state. So the
//! files are looked at first, and what [`Watch`] compares with later is what they were then. Which
//! secrets and certificates a configuration names is known only after it was read: where it names a
//! file that was not looked at before, it is read again.

use std::path::{Path, PathBuf};

use super::watch::Watch;
use crate::config::{self, Loaded, Options, ReadError};
use crate::wipe;

/// How often a configuration is read at once. One that names other files each time is still changing.
const MAX_READINGS: u32 = 3;

/// Reads and judges the configuration that a server is to start with.
///
/// # Errors
/// [`ReadError`] if the file cannot be read. What is wrong inside it is in the findings.
pub fn load_first(file: &Path, options: Options) -> Result<(Loaded, Watch), ReadError> {
    wipe::on_own_stack(|| {
        let (loaded, watch) = load(file, options, &[], false);
        Ok((loaded?, watch))
    })
}

/// Reads and judges a configuration anew. Only a regular file can be read again: a pipe can be read once,
/// and opening one without a writer blocks.
pub(crate) fn load_again(
    file: &Path,
    options: Options,
    known: &[PathBuf],
    is_watched: bool,
) -> Result<(Loaded, Watch), String> {
    if std::fs::metadata(file).is_ok_and(|metadata| !metadata.is_file()) {
        let message = "it is no regular file, and only a regular file can be read again";
        return Err(message.to_owned());
    }
    let (loaded, watch) = load(file, options, known, is_watched);
    let loaded = loaded.map_err(|error| error.to_string())?;
    Ok((loaded, watch))
}

/// Reads and judges a configuration; returns what its files were before that, too. `known` are the
/// files that were named last. The files are not watched if neither `is_watched` nor the configuration
/// says so. Leaves copies of secrets on the stack, which is the caller's to wipe.
fn load(
    file: &Path,
    options: Options,
    known: &[PathBuf],
    is_watched: bool,
) -> (Result<Loaded, ReadError>, Watch) {
    load_by(file, known, is_watched, || config::load(file, options))
}

fn load_by(
    file: &Path,
    known: &[PathBuf],
    is_watched: bool,
    mut load: impl FnMut() -> Result<Loaded, ReadError>,
) -> (Result<Loaded, ReadError>, Watch) {
    let mut watch = Watch::new(file, known);
    let mut readings = 0_u32;
    loop {
        readings = readings.saturating_add(1);
        let loaded = load();
        let Ok(Loaded { config, files, .. }) = &loaded else {
            return (loaded, watch);
        };
        let is_watched = is_watched || config.as_ref().is_some_and(|config| config.server.watch);
        if !is_watched || readings >= MAX_READINGS || watch.knows_all(files) {
            watch.keep_only(files);
            return (loaded, watch);
        }
        watch = Watch::new(file, files);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secrets;
    use crate::providers::Providers;

    const OPTIONS: Options = Options {
        secrets: Secrets::Read,
        providers: Providers::known(),
    };

    /// A configuration that watches one secret's file.
    fn text(secret: &Path) -> String {
        format!(
            "[server]\nlisten = [\"127.0.0.1:0\"]\nwatch = true\n\
             [admin]\nlisten = \"127.0.0.1:0\"\n[[route]]\nname = \"r\"\npath = \"/\"\n\
             upstream = \"http://127.0.0.1:1\"\n[route.verify]\nscheme = \"twenty\"\n\
             secrets = [{{ id = \"s\", file = \"{}\" }}]\n",
            secret.display()
        )
    }

    #[test]
    fn what_changes_while_it_is_read_is_a_change() {
        let directory = tempfile::tempdir().unwrap();
        let (file, secret) = (directory.path().join("c"), directory.path().join("s"));
        std::fs::write(&secret, "the first of the secrets").unwrap();
        std::fs::write(&file, text(&secret)).unwrap();
        let known = [secret.clone()];
        let mut readings = 0;
        let (loaded, mut watch) = load_by(&file, &known, true, || {
            readings += 1;
            let loaded = config::load(&file, OPTIONS);
            std::fs::write(&secret, "another secret").unwrap();
            loaded
        });
        assert_eq!((loaded.unwrap().files, readings), (known.to_vec(), 1));
        watch.has_settled_anew(watch.look()());
        assert!(watch.has_settled_anew(watch.look()()), "it is read again");
        assert!(!watch.has_settled_anew(watch.look()()));
    }

    #[test]
    fn a_file_that_was_not_known_is_looked_at_before_it_counts_as_read() {
        let directory = tempfile::tempdir().unwrap();
        let (file, secret) = (directory.path().join("c"), directory.path().join("s"));
        std::fs::write(&secret, "the first of the secrets").unwrap();
        std::fs::write(&file, text(&secret)).unwrap();
        let mut secrets = Vec::new();
        let (loaded, mut watch) = load_by(&file, &[], false, || {
            let loaded = config::load(&file, OPTIONS);
            secrets.push(std::fs::read_to_string(&secret).unwrap());
            std::fs::write(&secret, "another secret").unwrap();
            loaded
        });
        assert_eq!(loaded.unwrap().files, std::slice::from_ref(&secret));
        assert_eq!(secrets, ["the first of the secrets", "another secret"]);
        // Written once more with the same text, after the last reading.
        watch.has_settled_anew(watch.look()());
        assert!(watch.has_settled_anew(watch.look()()));
    }

    #[test]
    fn the_deepest_that_can_be_written_fits_into_half_of_the_stack() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("c");
        let inner = format!("{}1{}", "{a=".repeat(79), "}".repeat(79));
        let list = format!("{}{}", "[".repeat(79), "]".repeat(79));
        for nested in [inner, list] {
            let text = format!("[[route]]\nverify = {nested}\nname = {nested}\n");
            std::fs::write(&file, text).unwrap();
            let file = file.clone();
            let thread = std::thread::Builder::new().stack_size(wipe::DEEP_STACK_BYTES / 2);
            let reading = thread.spawn(move || load_again(&file, OPTIONS, &[], false).is_ok());
            assert!(reading.unwrap().join().unwrap());
        }
    }

    #[test]
    fn files_that_nobody_watches_are_read_once() {
        let directory = tempfile::tempdir().unwrap();
        let (file, secret) = (directory.path().join("c"), directory.path().join("s"));
        std::fs::write(&secret, "the first of the secrets").unwrap();
        std::fs::write(&file, text(&secret).replace("true", "false")).unwrap();
        let mut readings = 0;
        let (loaded, _) = load_by(&file, &[], false, || {
            readings += 1;
            config::load(&file, OPTIONS)
        });
        assert!(loaded.is_ok());
        assert_eq!(readings, 1);
    }
}
