//! TODO har

use super::{Capture, CaptureError};

pub(super) fn read(text: &[u8], entry: Option<usize>) -> Result<Capture, CaptureError> {
    todo!()
}
