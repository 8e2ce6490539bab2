//! The status of many routes is bounded by the configuration, and by nothing that senders do.

use std::fmt::Write;

use super::{status, text};
use crate::support::app::App;
use crate::support::client::{Client, Request};
use crate::support::proxy::Proxy;
use crate::support::route::{route, secrets};
use crate::support::sign::SECRET;

#[test]
fn a_thousand_routes_have_a_status_of_a_megabyte_at_most() {
    let app = App::start();
    let verify = format!("scheme = \"twenty\"\n{}", secrets(&[("s", SECRET)]));
    let mut routes = String::new();
    for number in 0..1_000 {
        let name = format!("route-{number}");
        let table = route(&name, &format!("/{name}"), app.url(), "", &verify);
        routes.write_str(&table).unwrap();
    }
    let proxy = Proxy::start("", &routes);
    let before = text(&proxy).len();
    assert!(before < 1 << 20, "{before}");
    let said = status(&proxy);
    let names = said["routes"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|route| route["name"].clone()).collect();
    assert_eq!(names.len(), 1_000);
    assert_eq!(
        (&names[0], &names[999]),
        (&"route-0".into(), &"route-999".into())
    );
    let mut client = Client::connect(proxy.address);
    for number in 0..1_000 {
        let path = format!("/route-{}/{number}?q={number}", number % 10);
        client.send(&Request::new("POST", &path, "").bytes());
        assert_eq!(client.answer("POST").status, 404);
    }
    let after = text(&proxy).len();
    // Fifty refusals, and counts of more digits.
    assert!(after < before + (64 << 10), "{before} and {after}");
}
