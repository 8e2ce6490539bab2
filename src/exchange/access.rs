//! What becomes of a request, noted for the access log while it is served.
//!
//! The line is written when the notes are dropped: so there is one, and no second, however the request ends, even where
//! its task is given up or panics. Nothing is noted for a route without an access log.

use std::sync::Arc;

use super::forward_result::ForwardResult;
use crate::active::Route;
use crate::http1::own_answer::OwnAnswer;
use crate::observe::access::{self, BrokenOffBy, Origin, Outcome, Way};
use crate::observe::metrics::Verdict;
use crate::request::admission::{Admission, Admitted};
use crate::request::refusal::Refusal;

/// The notes about one request.
pub(super) struct Access<'a> {
    admission: &'a Admission<'a>,
    way: Way,
    notes: Notes,
}

enum Notes {
    /// Whose request it is will be known by its verdict.
    NotYet,
    /// Nobody wants any.
    None,
    /// In a box: few requests need the room for it, and all would keep it.
    Of(Box<(Arc<Route>, Outcome)>),
}

impl<'a> Access<'a> {
    /// None yet, about the request that is being judged.
    pub(super) fn of(admission: &'a Admission<'a>, protocol: &'static str) -> Self {
        let is_tls = admission.is_tls;
        Self {
            admission,
            way: Way { protocol, is_tls },
            notes: Notes::NotYet,
        }
    }

    /// The request that they are about.
    pub(super) fn admission(&self) -> &'a Admission<'a> {
        self.admission
    }

    /// The request is refused, of whose body so much had come.
    pub(super) fn refused(&mut self, refusal: &Refusal, body_bytes: Option<u64>) {
        if let Some(outcome) = self.begin(refusal.route.as_ref()) {
            outcome.verdict = Some(Verdict::Rejected(refusal.reason));
            outcome.scheme = Some(refusal.scheme);
            outcome.body_bytes = body_bytes;
            outcome.broken_off_by = refusal.is_cut_off.then_some(BrokenOffBy::Sender);
        }
    }

    /// The request is forwarded.
    pub(super) fn admitted(&mut self, admitted: &Admitted<'_>) {
        let now = self.admission.now;
        let Some(outcome) = self.begin(Some(&admitted.route)) else {
            return;
        };
        let permit = admitted.permitted.permit();
        outcome.scheme = Some(permit.scheme());
        outcome.body_bytes = Some(admitted.permitted.body_len());
        outcome.verdict = Some(match permit.waived_reason() {
            Some(reason) => Verdict::Unenforced(reason),
            None => Verdict::Verified,
        });
        if let Some(proof) = permit.proof() {
            outcome.secret = Some(Arc::clone(&proof.secret));
            outcome.signed_at = proof.signed_at;
            outcome.age_ms = proof.signed_at.map(|signed_at| now.millis_since(signed_at));
        }
    }

    /// A refused request was answered.
    pub(super) fn answered(&mut self, answer: &OwnAnswer, is_sender_gone: bool) {
        if let Notes::Of(notes) = &mut self.notes {
            let outcome = &mut notes.1;
            outcome.answer = Some((answer.status, Origin::Hookward));
            if is_sender_gone {
                outcome.broken_off_by = Some(BrokenOffBy::Sender);
            }
        }
    }

    /// A forwarded request was answered.
    pub(super) fn forwarded(&mut self, result: &ForwardResult) {
        if let Notes::Of(notes) = &mut self.notes {
            result.note(&mut notes.1);
        }
    }

    /// Begins the notes, if the route wants any.
    fn begin(&mut self, route: Option<&Arc<Route>>) -> Option<&mut Outcome> {
        let route = route.filter(|route| route.access_log && access::is_written());
        let notes = route.map(|route| Box::new((Arc::clone(route), Outcome::default())));
        self.notes = notes.map_or(Notes::None, Notes::Of);
        match &mut self.notes {
            Notes::Of(notes) => Some(&mut notes.1),
            Notes::None | Notes::NotYet => None,
        }
    }
}

impl Drop for Access<'_> {
    fn drop(&mut self) {
        if matches!(self.notes, Notes::NotYet) {
            let route = self.admission.named_route().cloned();
            self.begin(route.as_ref());
        }
        let Notes::Of(notes) = &mut self.notes else {
            return;
        };
        let (route, outcome) = &mut **notes;
        if outcome.answer.is_none() {
            outcome.broken_off_by.get_or_insert(BrokenOffBy::Hookward);
        }
        let took = self.admission.received_at.elapsed();
        let asked = self.admission.asked();
        access::log(&route.name, &asked, self.way, outcome, took);
    }
}
