//! An upload on its way into a cloud's store, whatever its form.

use crate::rules::{check_reading, check_refusal};
use bytes::Bytes;
use fieldpost_cloud::parts::{Format, Origin, Submission, Upload};
use fieldpost_core::{UtcInstant, senml::PackSurvey};
use std::time::Duration;

/// How long before an upload the first copy of it may have come.
const EARLIER: [Duration; 3] =
    [Duration::from_secs(90), Duration::from_secs(11 * 3600), Duration::from_secs(400 * 86_400)];

/// Reads the upload that came at `received` as a cloud does; None if it is refused.
///
/// Read as a copy of one that came before, it has as many surveys of the same devices, none with an instant behind that receipt; and
/// dated by its own receipt again it is as it was.
pub(crate) fn read(format: Format, bytes: &[u8], received: UtcInstant) -> Option<Vec<PackSurvey>> {
    let origin = Origin { gateway: "fuzz".into(), time_zone: None, custody: None };
    let upload = Upload::new(format, Bytes::copy_from_slice(bytes), origin, received);
    let mut submission = match upload.read() {
        Ok(submission) => submission,
        Err(refusal) => {
            check_refusal(&refusal);
            return None;
        }
    };
    let surveys = submission.surveys().to_vec();
    for earlier in EARLIER {
        copy(&mut submission, received.saturating_sub(earlier), &surveys);
    }
    submission.date_by(received).expect("it was taken once");
    assert_eq!(submission.surveys(), surveys, "the same receipt makes the same dates");
    Some(surveys)
}

/// The upload is a copy of what came at `first`, which may have been refused then.
fn copy(submission: &mut Submission, first: UtcInstant, surveys: &[PackSurvey]) {
    let before = submission.surveys().to_vec();
    if let Err(refusal) = submission.date_by(first) {
        check_refusal(&refusal);
        return assert_eq!(submission.surveys(), before, "refused, but changed");
    }
    let devices = |surveys: &[PackSurvey]| -> Vec<_> {
        surveys.iter().map(|one| (one.survey.device.clone(), one.survey.readings.is_empty())).collect()
    };
    assert_eq!(devices(submission.surveys()), devices(surveys), "other devices");
    let redated = submission.surveys() != surveys;
    for reading in submission.surveys().iter().flat_map(|one| &one.survey.readings).filter(|_| redated) {
        check_reading(reading, first);
    }
}
