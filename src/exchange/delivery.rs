//! A stored event on its way to its app, by the same code as a live request.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::timeout;

use super::Services;
use super::answer::AnswerHead;
use super::custody::Custody;
use super::forward::Forward;
use super::reply::Reply;
use crate::active::Route;
use crate::handoff::Delivery;
use crate::http1::own_answer::OwnAnswer;
use crate::observe::refusals::Asked;
use crate::peer::Peer;
use crate::spool::{Attempted, Lease, StoreError};

/// How long a store may take to give a request.
const LOADING: Duration = Duration::from_secs(10);

/// Sends the request of an event, and says what became of it.
pub(crate) async fn deliver(
    services: &Services,
    route: &Arc<Route>,
    lease: &dyn Lease,
    delivery: Delivery<'_>,
) -> Attempted {
    let Some(slot) = services.descriptors.reserve() else {
        return Attempted::NoRoom;
    };
    let mut reservation = services.budget.reserve_nothing(Peer::Unix);
    if reservation.resize(lease.info().bytes).is_err() {
        return Attempted::NoRoom;
    }
    let loaded = timeout(LOADING, lease.load()).await;
    let request = match loaded.unwrap_or(Err(StoreError::Slow)) {
        Ok(request) => request,
        Err(error) => return Attempted::Unloaded(error),
    };
    let method = method_of(request.head());
    let is_head = method.as_deref() == Some("HEAD");
    let Some(outbound) = request.attempt(delivery) else {
        let message = "its head does not end as a head does".to_owned();
        return Attempted::Unloaded(StoreError::Unreadable(message));
    };
    let custody = Custody::take(reservation, slot);
    let forward = Forward {
        services,
        route,
        is_head,
        spoolable: None,
    };
    let mut answer = Answer::default();
    let mut result = forward.run(outbound, None, &mut answer).await;
    let failure = result.failure.take();
    let status = result.app_status;
    let uploads = &services.unfinished_uploads;
    let asked = || Asked::new(delivery.id, "spool", method.as_deref(), None);
    custody.settle(result, uploads, Arc::clone(route), asked);
    match (status, failure) {
        (Some(status), _) => Attempted::Answered {
            status,
            retry_after: answer.retry_after,
        },
        (None, Some(failure)) => Attempted::Unanswered(format!("{}: {failure}", failure.name())),
        (None, None) => Attempted::Unanswered("the app did not answer".to_owned()),
    }
}

fn method_of(head: &[u8]) -> Option<String> {
    let method = head.split(|byte| *byte == b' ').next()?;
    String::from_utf8(method.to_vec()).ok()
}

/// What is wanted of an app's answer to an event, whose sender has long been answered.
#[derive(Default)]
struct Answer {
    retry_after: Option<Duration>,
}

impl Reply for Answer {
    async fn answer(&mut self, _answer: &OwnAnswer) {}

    async fn inform(&mut self, _head: &AnswerHead<'_>) {}

    fn begin(&mut self, head: &AnswerHead<'_>) {
        self.retry_after = head.retry_after(SystemTime::now());
    }

    async fn body(&mut self, _piece: &[u8]) -> bool {
        true
    }

    async fn finish(&mut self) -> bool {
        true
    }

    async fn flush(&mut self) {}

    fn take_back(&mut self) -> bool {
        true
    }

    fn cut(&mut self) {}

    fn is_gone(&self) -> bool {
        false
    }
}
