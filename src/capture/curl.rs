//! TODO curl

use super::{Capture, CaptureError};

pub(super) fn read(text: &[u8]) -> Result<Capture, CaptureError> {
    todo!()
}
