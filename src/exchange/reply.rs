//! The way back to the sender of a request, whatever protocol it speaks.

use super::answer::AnswerHead;
use crate::http1::own_answer::OwnAnswer;

/// Where the answer to a request goes.
///
/// What is written to a sender that went away, or takes too long to read, is dropped without an error: the
/// app's answer is read to its end all the same, because its result is recorded.
pub(crate) trait Reply: Send {
    /// Writes an answer of our own, whole.
    fn answer(&mut self, answer: &OwnAnswer) -> impl Future<Output = ()> + Send;

    /// Writes an informational answer of the app, if the protocol has them.
    fn inform(&mut self, head: &AnswerHead<'_>) -> impl Future<Output = ()> + Send;

    /// Begins the app's answer. What is written may wait for the first of the body.
    fn begin(&mut self, head: &AnswerHead<'_>);

    /// Writes a piece of the body, which may wait for the next. `false` where it is more than was
    /// announced.
    fn body(&mut self, piece: &[u8]) -> impl Future<Output = bool> + Send;

    /// Ends the answer. `false` if something is missing from it.
    fn finish(&mut self) -> impl Future<Output = bool> + Send;

    /// Writes everything that waits.
    fn flush(&mut self) -> impl Future<Output = ()> + Send;

    /// Takes back a head of which nothing is on its way yet. `false` if some of it is.
    fn take_back(&mut self) -> bool;

    /// The answer broke off: the sender must not take it for a whole one.
    fn cut(&mut self);

    /// The sender takes nothing more.
    fn is_gone(&self) -> bool;
}
