//! Forwarding a permitted request to its app, and the app's answer to its sender.
//!
//! Pingora's own proxying loop is not used: it repeats requests that may have been processed, bounds each
//! read and not the whole answer, and forwards no more than 64 KiB of a body that was read before.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::StatusCode;

use super::Services;
use super::answer::AnswerHead;
use super::forward_result::ForwardResult;
use super::reply::Reply;
use super::spooling::Spoolable;
use crate::active::Route;
use crate::handoff::Outbound;
use crate::http1::own_answer::OwnAnswer;
use crate::reason::Reason;
use crate::replay::ClaimGuard;
use crate::request::refusal::Refusal;
use crate::spool::Cause;
use crate::time_limit::{after, timed};
use crate::upstream::call::{Call, Piece};
use crate::upstream::connect::Reuse;
use crate::upstream::failure::{Failure, is_failure};
use crate::upstream::sending::PendingRequest;

/// How often a request is sent, or begun to be. Over HTTP/2 an app may refuse one again and again.
const MAX_ATTEMPTS: u32 = 3;
/// The status of our answer to a request that was stored.
const STORED: u16 = 202;

/// A permitted request on its way to the app.
pub(super) struct Forward<'a> {
    pub(super) services: &'a Services,
    pub(super) route: &'a Arc<Route>,
    /// The method is `HEAD`.
    pub(super) is_head: bool,
    /// The request as it is stored where the app does not take it, if it is.
    pub(super) spoolable: Option<Spoolable<'a>>,
}

impl Forward<'_> {
    /// Sends the request and passes on the answer. The app gets the whole request and its answer is
    /// awaited even if the sender goes away. `claim` ends before the sender learns how the request ended.
    pub(super) async fn run(
        &self,
        request: Outbound,
        mut claim: Option<ClaimGuard>,
        reply: &mut impl Reply,
    ) -> ForwardResult {
        let mut result = ForwardResult::new();
        if self.spoolable.as_ref().is_some_and(Spoolable::goes_first) {
            let is_stored = self.store(Cause::StoredFirst, &mut claim, reply, &mut result);
            let is_stored = is_stored.await;
            if is_stored || self.route.spool.stores_first() {
                if !is_stored {
                    self.overloaded(claim, reply, &mut result).await;
                }
                result.is_sender_gone = reply.is_gone();
                return result;
            }
        }
        let request = PendingRequest::new(request);
        if let Err(failure) = self.relay(request, &mut claim, reply, &mut result).await {
            let asked = None;
            let is_stored = result.app_status.is_none()
                && self
                    .store(Cause::AppFailed { asked }, &mut claim, reply, &mut result)
                    .await;
            if is_stored {
                result.failure = Some(failure);
            } else {
                if let Some(claim) = claim {
                    claim.release().await;
                }
                self.fail(failure, reply, &mut result).await;
            }
        }
        result.count_app(&self.route.metrics.app);
        result.is_sender_gone = reply.is_gone();
        result
    }

    /// Stores the request, where its route has a spool, and tells its sender. `false` where it is not stored.
    async fn store(
        &self,
        cause: Cause,
        claim: &mut Option<ClaimGuard>,
        reply: &mut impl Reply,
        result: &mut ForwardResult,
    ) -> bool {
        let Some(spoolable) = &self.spoolable else {
            return false;
        };
        // In a box: few requests need the room for it, and all would keep it.
        let Ok(id) = Box::pin(spoolable.store(cause)).await else {
            return false;
        };
        if let Some(claim) = claim.take() {
            claim.keep();
        }
        result.stored = Some(id);
        result.own_status = Some(STORED);
        reply.answer(&OwnAnswer::new(STORED)).await;
        result.set_answered();
        true
    }

    /// Answers a request that is stored before it is sent, and cannot be.
    async fn overloaded(
        &self,
        claim: Option<ClaimGuard>,
        reply: &mut impl Reply,
        result: &mut ForwardResult,
    ) {
        if let Some(claim) = claim {
            claim.release().await;
        }
        let answer = Refusal::new(Reason::Overloaded).on(self.route).answer();
        result.own_status = Some(answer.status);
        reply.answer(&answer).await;
        result.set_answered();
    }

    async fn relay(
        &self,
        request: PendingRequest,
        claim: &mut Option<ClaimGuard>,
        reply: &mut impl Reply,
        result: &mut ForwardResult,
    ) -> Result<(), Failure> {
        let mut call = self.call(request, result).await?;
        loop {
            let head = call.head().ok_or(Failure::Garbage)?;
            let head = AnswerHead::new(head, self.is_head, self.route.retry_after)?;
            let status = head.status();
            if !status.is_informational() {
                result.app_status = Some(status.as_u16());
                let mut stored = Duration::ZERO;
                if is_failure(status.as_u16()) {
                    let asked = head.retry_after(SystemTime::now());
                    let storing = self.store(Cause::AppFailed { asked }, claim, reply, result);
                    let (is_stored, waited) = timed(std::pin::pin!(storing)).await;
                    if is_stored {
                        self.read_out(call, result).await;
                        return Ok(());
                    }
                    stored = waited;
                } else if let Some(spoolable) = &self.spoolable {
                    spoolable.app_answers();
                }
                let settling = settle(claim.take(), status);
                let ((), settled) = timed(std::pin::pin!(settling)).await;
                reply.begin(&head);
                call.extend(stored.saturating_add(settled));
                break;
            }
            // The sender was told to continue already.
            if status != StatusCode::CONTINUE {
                let ((), waited) = timed(std::pin::pin!(reply.inform(&head))).await;
                call.extend(waited);
            }
            call.check()?;
            call.read_head().await?;
        }
        if !self.is_head {
            pass_body(&mut call, reply, &mut result.answer_bytes).await?;
        }
        if !call.off_the_clock(reply.finish()).await {
            return Err(Failure::Closed);
        }
        result.set_answered();
        let idle_timeout = self.route.upstream_idle_timeout;
        result.unfinished = call.conclude(&self.services.connector, idle_timeout);
        Ok(())
    }

    /// Reads what nobody wants of an answer, so that the connection can serve another request.
    async fn read_out(&self, mut call: Call, result: &mut ForwardResult) {
        if !self.is_head {
            loop {
                match call.read_piece(|| async {}).await {
                    Ok(Piece::Bytes(_)) => {}
                    Ok(Piece::End) => break,
                    Err(_) => return,
                }
            }
        }
        let idle_timeout = self.route.upstream_idle_timeout;
        result.unfinished = call.conclude(&self.services.connector, idle_timeout);
    }

    /// Sends the request until the answer begins. It is sent again only if it is certain that the app did not
    /// process it.
    async fn call(
        &self,
        mut request: PendingRequest,
        result: &mut ForwardResult,
    ) -> Result<Call, Failure> {
        let connect_by = after(self.route.upstream_connect_timeout);
        let mut reuse = Reuse::Any;
        loop {
            let upstream = &self.route.upstream;
            let services = self.services;
            let way = services.connector.way(upstream, reuse, connect_by).await?;
            result.attempts = result.attempts.saturating_add(1);
            let mut call = Call::new(way, request, after(self.route.upstream_timeout));
            let Err(failure) = call.read_head().await else {
                return Ok(call);
            };
            if result.attempts >= MAX_ATTEMPTS {
                return Err(failure);
            }
            // In a box: few requests need the room for it, and all would keep it.
            let unprocessed = Box::pin(call.into_unprocessed()).await;
            (request, reuse) = unprocessed.ok_or(failure)?;
        }
    }

    /// Answers in the app's stead, if nothing of its answer is on its way yet.
    async fn fail(&self, failure: Failure, reply: &mut impl Reply, result: &mut ForwardResult) {
        let status = failure.status();
        result.failure = Some(failure);
        if result.app_status.is_some() && !reply.take_back() {
            reply.cut();
            return;
        }
        result.own_status = Some(status);
        reply.answer(&OwnAnswer::new(status)).await;
        result.set_answered();
    }
}

/// Ends the claim of a request that the app answered with this status. What the app does with the rest of its
/// answer makes no difference.
async fn settle(claim: Option<ClaimGuard>, status: StatusCode) {
    let Some(claim) = claim else {
        return;
    };
    if status.is_success() || status.is_redirection() {
        claim.keep();
    } else {
        claim.release().await;
    }
}

/// Passes the body of the answer on to its end, and counts its bytes.
async fn pass_body(
    call: &mut Call,
    reply: &mut impl Reply,
    bytes: &mut u64,
) -> Result<(), Failure> {
    loop {
        let piece = call.read_piece(|| reply.flush()).await?;
        let Piece::Bytes(piece) = piece else {
            return Ok(());
        };
        let (is_placed, waited) = timed(std::pin::pin!(reply.body(piece))).await;
        if !is_placed {
            return Err(Failure::Garbage);
        }
        let count = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        *bytes = bytes.saturating_add(count);
        call.extend(waited);
    }
}
