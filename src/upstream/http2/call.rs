//! A request on a stream of a connection, and the answer to it.
//!
//! An app may answer before it has read the whole body. So the body is handed over whenever the answer is
//! waited for, as over HTTP/1.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::client::ResponseFuture;
use http::Response;
use pingora::http::ResponseHeader;
use tokio::time::{Instant, timeout_at};

use super::connection::Lease;
use super::errors::Unsendable;
use super::upload::Upload;
use super::{failure, head, is_unprocessed};
use crate::upstream::failure::Failure;
use crate::upstream::sending::PendingRequest;

/// A request on its way, or sent, and the answer to it.
pub(in crate::upstream) struct Http2Call {
    progress: Progress,
    head: Option<ResponseHeader>,
    /// The piece of the body that was read last. The app may send as many more bytes when it was passed on.
    piece: Bytes,
    /// The app said that it has not processed the request, or cannot have.
    is_unprocessed: bool,
    /// Given back after the stream.
    lease: Lease,
}

enum Progress {
    /// It has no stream.
    Unsent(PendingRequest, Option<Failure>),
    Sent {
        upload: Upload,
        answer: Answer,
    },
}

enum Answer {
    Awaited(ResponseFuture),
    Body(RecvStream),
}

impl Http2Call {
    /// Opens a stream for the request.
    pub(in crate::upstream) fn new(mut lease: Lease, request: PendingRequest) -> Self {
        let opened = match head::request(request.head(), lease.is_tls()) {
            Ok(head) => lease.open(head, request.has_no_body()),
            Err(unsendable) => return Self::unsent(lease, request, unsendable.into(), false),
        };
        match opened {
            Ok((answer, stream)) => Self {
                lease,
                progress: Progress::Sent {
                    upload: Upload::new(stream, request),
                    answer: Answer::Awaited(answer),
                },
                head: None,
                piece: Bytes::new(),
                is_unprocessed: false,
            },
            // The library has no form for it: what comes of the app or the system has a reason, or is of the
            // system.
            Err(error) if error.reason().is_none() && !error.is_io() => {
                Self::unsent(lease, request, Unsendable::Head.into(), false)
            }
            // The connection takes no more streams.
            Err(error) => Self::unsent(lease, request, failure(&error), true),
        }
    }

    fn unsent(
        lease: Lease,
        request: PendingRequest,
        failure: Failure,
        is_unprocessed: bool,
    ) -> Self {
        Self {
            lease,
            progress: Progress::Unsent(request, Some(failure)),
            head: None,
            piece: Bytes::new(),
            is_unprocessed,
        }
    }

    /// The head that was read last.
    pub(in crate::upstream) fn head(&self) -> Option<&ResponseHeader> {
        self.head.as_ref()
    }

    /// Reads the next head: an informational one, or the final.
    pub(in crate::upstream) async fn read_head(&mut self) -> Result<(), Failure> {
        let (upload, answer) = match &mut self.progress {
            Progress::Unsent(_, failure) => return Err(failure.take().unwrap_or(Failure::Closed)),
            Progress::Sent { upload, answer } => (upload, answer),
        };
        let Answer::Awaited(awaited) = answer else {
            return Err(Failure::Http2Garbage);
        };
        let read = poll_fn(|context| {
            // Sending registers its own wake-up, so that waiting for either goes on with both.
            let _ = upload.poll_send(context);
            poll_head(awaited, context)
        });
        match read.await {
            Ok((head, body)) => {
                self.head = Some(head);
                if let Some(body) = body {
                    *answer = Answer::Body(body);
                }
                Ok(())
            }
            Err(error) => {
                // Whoever has begun to answer has begun to process.
                self.is_unprocessed = self.head.is_none() && is_unprocessed(&error);
                Err(failure(&error))
            }
        }
    }

    /// The next piece of the body, which is not empty; `None` at its end.
    pub(in crate::upstream) async fn read_body(&mut self) -> Result<Option<&[u8]>, Failure> {
        let Progress::Sent {
            upload,
            answer: Answer::Body(body),
        } = &mut self.progress
        else {
            return Err(Failure::Http2Garbage);
        };
        loop {
            let taken = std::mem::take(&mut self.piece).len();
            // It fails where the stream has ended: then nobody needs the room.
            let _ = body.flow_control().release_capacity(taken);
            let read = poll_fn(|context| {
                let _ = upload.poll_send(context);
                body.poll_data(context)
            });
            match read.await {
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(error)) => return Err(failure(&error)),
                None => return Ok(None),
            }
            if !self.piece.is_empty() {
                return Ok(Some(&self.piece));
            }
        }
    }

    /// The request, and the number of the connection that it was on, if it is certain that it was not
    /// processed.
    pub(in crate::upstream) async fn into_unprocessed(
        self,
        deadline: Instant,
    ) -> Option<(PendingRequest, u64)> {
        let number = self.lease.number();
        match self.progress {
            Progress::Unsent(request, _) => self.is_unprocessed.then_some((request, number)),
            Progress::Sent { upload, .. } => {
                let is_unprocessed = self.is_unprocessed
                    || (self.head.is_none() && self.lease.never_began(deadline).await);
                is_unprocessed.then(|| (upload.into_request(), number))
            }
        }
    }

    /// Whether the system took all of the request.
    pub(in crate::upstream) fn is_sent(&self) -> bool {
        match &self.progress {
            Progress::Unsent(..) => false,
            Progress::Sent { upload, .. } => upload.is_handed_over() && self.lease.is_written(),
        }
    }

    /// How long the connection may be idle after its last request.
    pub(in crate::upstream) fn keep_for(&self, idle_timeout: Duration) {
        self.lease.keep_for(idle_timeout);
    }

    /// What is left to send.
    pub(in crate::upstream) fn into_unfinished(self) -> Option<Unfinished> {
        match self.progress {
            Progress::Unsent(..) => None,
            Progress::Sent { upload, .. } => Some(Unfinished {
                upload,
                lease: self.lease,
            }),
        }
    }
}

/// The rest of a request whose answer is over.
pub(in crate::upstream) struct Unfinished {
    upload: Upload,
    /// Given back after the stream.
    lease: Lease,
}

impl Unfinished {
    /// Sends it; `false` if the app does not take it all by `deadline`.
    pub(in crate::upstream) async fn finish(mut self, deadline: Instant) -> bool {
        let sending = async {
            poll_fn(|context| self.upload.poll_send(context)).await;
            if !self.upload.is_handed_over() {
                return false;
            }
            let upload = &mut self.upload;
            tokio::select! {
                biased;
                () = self.lease.until_written() => {}
                () = poll_fn(|context| upload.poll_reset(context)) => {}
            }
            self.lease.is_written()
        };
        timeout_at(deadline, sending).await.unwrap_or(false)
    }
}

type Head = (ResponseHeader, Option<RecvStream>);

/// The next head; the final one has a body.
fn poll_head(
    awaited: &mut ResponseFuture,
    context: &mut Context<'_>,
) -> Poll<Result<Head, h2::Error>> {
    if let Some(informational) = ready!(awaited.poll_informational(context)) {
        let (head, ()) = head::answer(informational?);
        return Poll::Ready(Ok((head, None)));
    }
    let response: Response<RecvStream> = ready!(std::pin::Pin::new(awaited).poll(context))?;
    let (head, body) = head::answer(response);
    Poll::Ready(Ok((head, Some(body))))
}
