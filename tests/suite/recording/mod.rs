//! Refused requests are kept as they came, within limits, whatever the disk does; and can be sent again.

mod hidden;
mod kept;
mod limits;
mod resend;

use std::path::{Path, PathBuf};

use crate::support::app::App;
use crate::support::client::Request;
use crate::support::eventually;
use crate::support::proxy::Proxy;
use crate::support::sign;

const KEPT: &str = "hookward_recordings_total{result=\"kept\"}";
const LOST: &str = "hookward_recordings_total{result=\"lost\"}";
const RECORDS: &str = "record = \"refused\"";

/// `[record]` with this directory and these further keys.
fn table(directory: &Path, keys: &str) -> String {
    format!(
        "[record]\ndirectory = \"{}\"\n{keys}\n",
        directory.display()
    )
}

/// Routes of every kind that record, and `[record]`.
fn routes(app: &App, directory: &Path, keys: &str) -> String {
    sign::routes(app.url(), RECORDS) + &table(directory, keys)
}

/// A proxy whose routes record into a directory that is not there yet.
fn start(keys: &str) -> (App, Proxy, tempfile::TempDir, PathBuf) {
    let app = App::start();
    let guard = tempfile::tempdir().unwrap();
    let directory = guard.path().join("state").join("refused");
    let proxy = Proxy::start("", &routes(&app, &directory, keys));
    (app, proxy, guard, directory)
}

/// A request of Twenty whose signature is wrong.
fn forgery(body: impl Into<Vec<u8>>) -> Request {
    let body = body.into();
    let signed = sign::twenty("not the secret", &body, &sign::now(0));
    Request::new("POST", "/twenty", body).headers(&signed)
}

/// Waits until so many requests were kept.
fn wait_for(proxy: &Proxy, series: &str, count: u32) {
    eventually("the recordings", || {
        (proxy.metric(series) >= f64::from(count)).then_some(())
    });
    assert!(proxy.metric(series) <= f64::from(count), "{series}");
}

/// The files of a directory, in the order of their names.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The only file of a directory.
fn only_file(directory: &Path) -> (String, Vec<u8>) {
    let files = files(directory);
    assert_eq!(files.len(), 1, "{files:?}");
    let name = files[0].file_name().unwrap().to_str().unwrap().to_owned();
    (name, std::fs::read(&files[0]).unwrap())
}

/// Head and body of a raw request.
fn split(file: &[u8]) -> (String, Vec<u8>) {
    let end = file
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8(file[..end + 2].to_vec()).unwrap();
    (head, file[end + 4..].to_vec())
}

fn body(file: &Path) -> Vec<u8> {
    split(&std::fs::read(file).unwrap()).1
}
