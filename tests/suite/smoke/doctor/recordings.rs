//! What is said of the directory in which refused requests are kept.

use std::path::Path;

use super::{Patient, Said, app_off_by, permit, powerless, twenty};

fn ask(directory: &Path, keys: &str, record: &str) -> Said {
    let app = app_off_by(0);
    let table = format!("[record]\ndirectory = {directory:?}\n{keys}\n");
    let patient = Patient::anywhere(&(table + &twenty(app.url(), record)));
    patient.ask(&[])
}

#[test]
fn the_directory_of_recordings_is_looked_at() {
    let guard = tempfile::tempdir().unwrap();
    let directory = guard.path().join("state").join("refused");
    let records = "record = \"refused\"";
    let about = "(record.directory)";
    let said = ask(&directory, "", records);
    assert_eq!(said.code, 0);
    said.is("recordings", about, "ok", "can be made");
    assert!(!guard.path().join("state").exists(), "nothing is made");
    std::fs::create_dir_all(&directory).unwrap();
    permit(&directory, 0o700);
    ask(&directory, "", records).is("recordings", about, "ok", "with room for all");
    // More than any disk has, and what is there already is counted in.
    let most = "max_bytes = \"1000000000GiB\"";
    let said = ask(&directory, most, records);
    assert_eq!(said.code, 0);
    said.is("recordings", about, "warning", "max_bytes");
    for mode in [0o710, 0o750, 0o777] {
        permit(&directory, mode);
        let words = format!("mode {mode:03o}");
        ask(&directory, "", records).is("recordings", about, "warning", &words);
    }
    std::fs::remove_dir(&directory).unwrap();
    std::fs::write(&directory, "").unwrap();
    for no_directory in [directory.clone(), directory.join("below")] {
        let said = ask(&no_directory, "", records);
        assert_eq!(said.code, 1);
        said.is("recordings", about, "failed", "no directory");
    }
    let gone = guard.path().join("link");
    std::os::unix::fs::symlink(guard.path().join("gone"), &gone).unwrap();
    ask(&gone, "", records).is("recordings", about, "failed", "cannot be used");
}

#[test]
fn a_directory_in_which_this_user_cannot_make_files_is_a_failure() {
    let guard = tempfile::tempdir().unwrap();
    let directory = guard.path().join("refused");
    std::fs::create_dir(&directory).unwrap();
    permit(&directory, 0o500);
    let app = app_off_by(0);
    let table = format!("[record]\ndirectory = {directory:?}\n");
    let routes = table + &twenty(app.url(), "record = \"refused\"");
    let said = Patient::anywhere(&routes).ask_by(powerless(), &[]);
    assert_eq!(said.code, 1);
    said.is("recordings", "refused", "failed", "cannot make files");
}
