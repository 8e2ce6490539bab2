use proptest::prelude::*;

use crate::spool::archive::State;
use crate::spool::nats::subjects::{Subjects, consumer};

#[test]
fn a_name_that_may_stand_in_a_subject_stands_there_as_it_is() {
    let subjects = Subjects::of("HOOKWARD");
    let subject = subjects.name(State::Waiting, "hub-spot_2");
    assert_eq!(subject, "HOOKWARD.waiting.hub-spot_2");
    assert_eq!(consumer("hub-spot_2"), "hookward-hub-spot_2");
}

#[test]
fn what_may_not_is_escaped() {
    let subjects = Subjects::of("S");
    let subject = subjects.name(State::Dead, "a.b *>=é");
    assert_eq!(subject, "S.dead.a=2Eb=20=2A=3E=3D=C3=A9");
    assert_eq!(consumer("a.b"), "hookward-a=2Eb");
}

#[test]
fn what_nobody_here_named_is_no_route() {
    let subjects = Subjects::of("S");
    for subject in [
        "",
        "S",
        "S.waiting",
        "T.waiting.a",
        "SS.waiting.a",
        "S.other.a",
        "S.waiting.a=",
        "S.waiting.a=2",
        "S.waiting.a=2e",
        "S.waiting.a=+2",
        "S.waiting.=61",
        "S.waiting.=FF",
        "S.waiting.a.b",
    ] {
        assert_eq!(subjects.read(subject), None, "{subject}");
    }
}

proptest! {
    #[test]
    fn a_subject_names_one_route_and_is_one_token(route in "\\PC{1,64}") {
        let subjects = Subjects::of("S");
        for state in [State::Waiting, State::Dead] {
            let subject = subjects.name(state, &route);
            prop_assert_eq!(subject.split('.').count(), 3);
            prop_assert!(subject.bytes().all(|byte| byte.is_ascii_graphic() && !b"*>".contains(&byte)));
            prop_assert_eq!(subjects.read(&subject), Some((state, route.as_str().into())));
        }
    }
}
