//! Writes pages for a browser to look at: `interop/status_page.py` and `tools/status-page` use them.

use std::path::Path;

use super::super::render;
use super::fixtures::*;
use crate::status::time::Time;
use crate::verify::Timestamp;

#[test]
#[ignore = "writes files, into the folder that HOOKWARD_PAGES names"]
fn pages_are_written() {
    let folder = std::env::var("HOOKWARD_PAGES").expect("HOOKWARD_PAGES names a folder");
    let mut later = troubles();
    later.at = Time(Timestamp::from_millis(later.at.0.as_millis() + 5_000));
    later.routes[0].path = "/later".to_owned();
    // More stands above what somebody reads.
    later.replay.ok = Some(false);
    later.limits.connections = 9_000;
    for (name, snapshot) in [
        ("well", well()),
        ("troubles", troubles()),
        ("later", later),
        ("thirty", many(30)),
        ("thousand", many(1_000)),
        ("fresh", fresh()),
        ("hostile", hostile()),
    ] {
        let page = render(&snapshot).unwrap();
        let folder = Path::new(&folder);
        std::fs::write(folder.join(name).with_extension("html"), page.html).unwrap();
        let mut headers = vec![("Content-Type", page.content_type)];
        headers.extend(page.fields);
        let headers = serde_json::to_string(&headers).unwrap();
        std::fs::write(folder.join("headers.json"), headers).unwrap();
    }
}
