//! What the page says first, and that it stays light.

use super::super::render;
use super::fixtures::*;
use crate::status::snapshot::Snapshot;

fn html(snapshot: &Snapshot) -> String {
    render(snapshot).unwrap().html
}

fn headline(snapshot: &Snapshot) -> String {
    let html = html(snapshot);
    let from = html.split_once("<h1 id=\"headline\">").unwrap().1;
    from.split_once("</h1>").unwrap().0.to_owned()
}

#[test]
fn the_headline_says_whether_all_is_well() {
    assert_eq!(headline(&well()), "All is well");
    assert_eq!(
        headline(&fresh()),
        "All is well, waiting for the first request"
    );
    assert_eq!(headline(&many(30)), "2 things need attention");
    let mut one = well();
    one.replay.ok = Some(false);
    assert_eq!(headline(&one), "1 thing needs attention");
}

#[test]
fn requests_that_no_route_has_are_seen() {
    let page = html(&unrouted(20));
    assert_eq!(headline(&unrouted(20)), "1 thing needs attention");
    assert!(page.contains(
        "20 requests had no route in the last 15 minutes, mostly no_route: POST /hubspto"
    ));
    assert!(page.contains("<strong>20</strong> <span>a minute</span></dd><dd>20 in the last hour"));
    let page = html(&unrouted(1));
    assert_eq!(headline(&unrouted(1)), "No request has verified yet");
    assert!(page.contains("1 request had no route"));
}

#[test]
fn requests_that_are_let_through_are_seen() {
    let page = html(&unenforced(5));
    assert_eq!(headline(&unenforced(5)), "All is well");
    assert!(!page.contains("no request yet") && !page.contains("no request."));
    assert!(page.contains("and 5 let through unverified a minute"));
    assert_eq!(
        page.matches(">Let through<").count(),
        3,
        "process, route, reasons"
    );
    assert!(!html(&well()).contains(">Let through<"));
}

#[test]
fn a_store_that_was_not_asked_yet_is_no_trouble() {
    let mut snapshot = well();
    snapshot.replay.ok = None;
    snapshot.spool.as_mut().unwrap().ok = None;
    assert_eq!(headline(&snapshot), "All is well");
    assert_eq!(html(&snapshot).matches("Not asked yet").count(), 2);
}

#[test]
fn what_is_merely_to_be_noticed_leaves_the_headline_alone() {
    let mut snapshot = well();
    snapshot.routes[0].enforce = false;
    assert_eq!(headline(&snapshot), "All is well");
    let html = html(&snapshot);
    assert!(html.contains("1 notice below.") && html.contains("not enforced"));
}

#[test]
fn routes_that_need_attention_come_first() {
    let html = html(&many(200));
    let place = |name: &str| html.find(&format!("<article class=\"card {name}")).unwrap();
    assert!(
        html[place("trouble")..]
            .starts_with("<article class=\"card trouble\" id=\"route-tenant-017-crm\"")
    );
    assert!(place("trouble") < place("well"));
}

#[test]
fn refusals_that_are_alike_are_told_once() {
    let html = html(&troubles());
    assert_eq!(html.matches("<p class=\"request\">").count(), 4);
    assert!(html.contains("and 33 more like it from the same client, the first 4 minutes ago"));
    assert!(html.contains("and 6 more like it from 7 clients, the first 3 hours ago"));
}

#[test]
fn all_ids_are_different() {
    for snapshot in [well(), troubles(), many(200), fresh()] {
        let html = html(&snapshot);
        let ids = html
            .split(" id=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap());
        let mut ids: Vec<&str> = ids.collect();
        let many = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), many);
    }
}

#[test]
fn it_is_light_whatever_there_is_to_show() {
    let size = |snapshot: &Snapshot| html(snapshot).len();
    assert!(size(&well()) < 60_000, "{}", size(&well()));
    assert!(size(&many(50)) < 200_000, "{}", size(&many(50)));
    assert!(size(&many(1_000)) < 450_000, "{}", size(&many(1_000)));
    assert!(size(&many(5_000)) < 500_000, "{}", size(&many(5_000)));
    let mut all = many(1_000);
    all.routes
        .iter_mut()
        .for_each(|route| route.enforce = false);
    assert!(size(&all) < 500_000, "{}", size(&all));
}

#[test]
fn a_route_is_counted_wherever_it_is_shown() {
    let html = html(&many(1_100));
    assert!(html.contains("1,100 routes") && html.contains("1,000 further routes"));
    assert!(html.contains("And 40 further routes"));
}
