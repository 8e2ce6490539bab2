//! TODO raw

use super::{Capture, CaptureError};

pub(super) fn read(bytes: &[u8]) -> Result<Capture, CaptureError> {
    todo!()
}
