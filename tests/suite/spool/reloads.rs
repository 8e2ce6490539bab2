//! Where an event goes, and whether it does, is read from the configuration at each attempt.

use super::{
    ALWAYS, Directory, Fickle, ON_FAILURE, Says, app_that_ponders, assert_stored, delivery, events,
    list, next_delivery, routes, stored, wait_for_deliveries, wait_for_none,
};
use crate::support::app::App;
use crate::support::sign::Kind;

#[test]
fn what_waits_goes_where_its_route_leads_by_then() {
    let old = Fickle::answering(500);
    let directory = Directory::new();
    let proxy = directory.start(old.url(), ON_FAILURE);
    assert_stored(&proxy.send(&Kind::Twenty.request(b"{}")));
    wait_for_deliveries(&proxy, "twenty", "failed", 1.0);
    let new = App::start();
    proxy.write_config("", &directory.routes(new.url(), ON_FAILURE));
    assert!(proxy.reload());
    let seen = new.next();
    assert!(delivery(&seen).attempt > 1, "{seen:?}");
    assert_eq!(&*seen.body, b"{}");
    wait_for_none(&proxy, "twenty");
    new.assert_nothing_more();
}

#[test]
fn what_waits_for_a_route_that_is_gone_waits_until_it_is_back() {
    let app = Fickle::answering(500);
    let directory = Directory::new();
    let proxy = directory.start(app.url(), ON_FAILURE);
    for body in [b"1", b"2"] {
        assert_stored(&proxy.send(&Kind::Twenty.request(body)));
    }
    let whole = directory.routes(app.url(), ON_FAILURE);
    proxy.write_config("", &whole.replace("\"twenty\"\npath", "\"renamed\"\npath"));
    assert!(proxy.reload());
    let line = proxy.logged("spool_route_gone", |line| line["route"] == "twenty");
    assert_eq!(
        (&line["level"], &line["waiting"]),
        (&"warn".into(), &2.into())
    );
    // It is told of once.
    proxy.write_config("", &whole.replace("\"twenty\"\npath", "\"again\"\npath"));
    assert!(proxy.reload());
    app.answers(200);
    // What had begun by then has ended, and what comes for others is delivered.
    assert_eq!(proxy.send(&Kind::V3.request(b"[]")).status, 200);
    assert_eq!(events(&proxy, "twenty", "waiting"), 2.0);
    assert_eq!(list(&proxy).len(), 2);
    let log = proxy.log().concat();
    assert_eq!(log.matches("\"spool_route_gone\"").count(), 1, "{log}");
    proxy.write_config("", &whole);
    assert!(proxy.reload());
    wait_for_none(&proxy, "twenty");
    assert!(list(&proxy).is_empty());
}

#[test]
fn a_route_that_stores_nothing_any_more_delivers_what_waits() {
    let app = Fickle::answering(500);
    let directory = Directory::new();
    let proxy = directory.start(app.url(), ON_FAILURE);
    assert_stored(&proxy.send(&Kind::Twenty.request(b"{}")));
    proxy.write_config("", &directory.routes(app.url(), "spool = \"off\""));
    assert!(proxy.reload());
    assert_eq!(proxy.send(&Kind::Twenty.request(b"not stored")).status, 500);
    assert_eq!(stored(&proxy, "twenty"), 1.0);
    app.answers(200);
    assert_eq!(&*next_delivery(&app).body, b"{}");
    wait_for_none(&proxy, "twenty");
}

#[test]
fn a_reload_lets_an_attempt_end() {
    let (app, say) = app_that_ponders();
    let directory = Directory::new();
    let proxy = directory.start(app.url(), ALWAYS);
    assert_stored(&proxy.send(&Kind::Twenty.request(b"{}")));
    app.next();
    let other = Fickle::answering(500);
    proxy.write_config("", &directory.routes(other.url(), ALWAYS));
    assert!(proxy.reload());
    say.send(Says::status(200)).unwrap();
    wait_for_deliveries(&proxy, "twenty", "delivered", 1.0);
    wait_for_none(&proxy, "twenty");
    other.assert_nothing_more();
}

#[test]
fn another_place_is_for_the_next_start() {
    let app = Fickle::saying(Says::with(503, "Retry-After: 3600\r\n"));
    let (first, second) = (Directory::new(), Directory::new());
    let proxy = first.start(app.url(), ON_FAILURE);
    proxy.write_config("", &second.routes(app.url(), ON_FAILURE));
    assert!(proxy.reload());
    proxy.logged("config_needs_restart", |line| {
        line.to_string().contains("spool")
    });
    assert_stored(&proxy.send(&Kind::Twenty.request(b"{}")));
    assert_eq!(events(&proxy, "twenty", "waiting"), 1.0);
    assert!(!second.path.exists());
    proxy.write_config("", &routes(app.url(), ""));
    assert!(proxy.reload());
    assert_eq!(events(&proxy, "twenty", "waiting"), 1.0);
}
