//! What is gone is named, and a gateway that runs is not held up by whoever looks.

use std::{sync::Arc, time::Duration};

use fieldpost_core::{Survey, Temperature, Values};
use rusqlite::Connection;

use super::*;
use crate::{
    disk::OsDisk,
    journal::{Batch, Custody, Full, Journal, Limits, NewSurvey, Place, Trust},
};

const NOW: UtcInstant = UtcInstant::from_millis(1_800_000_000_000);

fn open(folder: &Path) -> Journal {
    let limits = Limits { keep: Duration::ZERO, journal_max: 1 << 30, min_free_disk: 0 };
    let place = Place { disk: Arc::new(OsDisk), folder: folder.to_path_buf(), limits, random: 7 };
    Journal::open(&place, Trust::Whole, NOW, &mut Vec::new()).unwrap()
}

/// A survey of one reading, as the gateway journals it.
fn survey(device: &str, number: i64) -> NewSurvey {
    let values = Values::new(Temperature::from_hundredths(number), None).unwrap();
    let device = DeviceId::new(device).unwrap();
    let reading = Reading { time: UtcInstant::from_millis(1_700_000_000_000 + number), values };
    let survey = Survey { device: device.clone(), readings: vec![reading] };
    let records = senml::encode_records(&survey, Some(NOW));
    NewSurvey { received: NOW, key: None, device, readings: 1, records }
}

/// A journal of twenty surveys of two devices, nine of them held by the cloud.
fn journal(folder: &Path) -> Journal {
    let mut journal = open(folder);
    let surveys = (1..=20).map(|number| survey(if number % 2 == 0 { "even" } else { "odd" }, number));
    journal.commit(&Batch { surveys: surveys.collect(), ..Batch::default() }, NOW).unwrap();
    note(&mut journal, Custody::Held { through: 9 });
    journal
}

fn note(journal: &mut Journal, custody: Custody) {
    journal.commit(&Batch { custody: vec![custody], ..Batch::default() }, NOW).unwrap();
}

fn harm(folder: &Path, sql: &str) {
    Connection::open(folder.join(FILE)).unwrap().execute_batch(sql).unwrap();
}

fn lost(folder: &Path) -> (Vec<Seq>, u64) {
    let holdings = Holdings::open(folder).unwrap();
    let lost = holdings.lost();
    (lost.named.iter().map(|survey| survey.seq).collect(), lost.count)
}

#[test]
fn p1_a_waiting_survey_that_vanishes_is_named_and_one_that_was_let_go_of_is_not() {
    let home = tempfile::tempdir().unwrap();
    drop(journal(home.path()));
    assert_eq!(lost(home.path()), (vec![], 0));
    harm(home.path(), "DELETE FROM surveys WHERE seq IN (1, 2, 5, 9)");
    assert_eq!(lost(home.path()), (vec![], 0), "the cloud has these");
    harm(home.path(), "DELETE FROM surveys WHERE seq IN (10, 14, 15)");
    assert_eq!(lost(home.path()), (vec![10, 14, 15], 3));
}

#[test]
fn p1_what_is_gone_when_the_cloud_went_back_to_a_backup_is_named() {
    let home = tempfile::tempdir().unwrap();
    let mut journal = journal(home.path());
    assert_eq!(journal.prune(NOW, Some(Full::Journal)).unwrap(), 9, "for want of room");
    assert_eq!(lost(home.path()), (vec![], 0));
    note(&mut journal, Custody::Back { to: 6 });
    assert_eq!(lost(home.path()), (vec![7, 8, 9], 3), "neither the cloud nor the journal has them");
}

#[test]
fn p1_what_had_vanished_when_the_cursor_passed_it_is_named_for_ever() {
    let home = tempfile::tempdir().unwrap();
    let mut journal = journal(home.path());
    harm(home.path(), "DELETE FROM surveys WHERE seq IN (4, 11, 12, 15, 20)");
    let refused = |seq| Custody::Refused { seq, at: NOW, reason: "no".into(), again: None };
    for custody in [Custody::Held { through: 14 }, refused(16)] {
        note(&mut journal, custody);
        assert_eq!(lost(home.path()), (vec![11, 12, 15], 3), "the cloud had the fourth");
    }
    note(&mut journal, Custody::Passed { through: 20 });
    while journal.prune(NOW, Some(Full::Journal)).unwrap() > 0 {}
    assert_eq!(lost(home.path()), (vec![11, 12, 15, 20], 4), "what was let go of was passed on");
    note(&mut journal, Custody::Back { to: 10 });
    note(&mut journal, Custody::Held { through: 20 });
    assert_eq!(lost(home.path()), (vec![11, 12, 15, 20], 4), "nothing is counted twice");
    let surveys = (21..=24).map(|number| survey("odd", number)).collect();
    journal.commit(&Batch { surveys, ..Batch::default() }, NOW).unwrap();
    harm(home.path(), "DELETE FROM surveys WHERE seq = 22");
    note(&mut journal, Custody::Held { through: 24 });
    assert_eq!(lost(home.path()), (vec![11, 12, 15, 20, 22], 5));
}

#[test]
fn what_the_gateway_has_counted_or_put_aside_is_not_counted_again() {
    let home = tempfile::tempdir().unwrap();
    drop(journal(home.path()));
    harm(home.path(), "DELETE FROM surveys WHERE seq IN (11, 12, 13, 17)");
    harm(home.path(), "INSERT INTO refusals VALUES ('lost', 2), ('checksum', 1)");
    harm(home.path(), "INSERT OR REPLACE INTO facts VALUES ('counted_gaps', '[[11,12]]')");
    let aside = "INSERT INTO quarantine (at, peer, reason, detail, raw)
        VALUES (0, 'journal', 'checksum', 'survey 17 of the journal does not match its checksum', x'')";
    harm(home.path(), aside);
    assert_eq!(lost(home.path()), (vec![11, 12, 13, 17], 4));
}

#[test]
fn p10_a_gateway_folds_its_log_whoever_looks_at_its_journal() {
    let home = tempfile::tempdir().unwrap();
    let mut journal = journal(home.path());
    let reader = schema::open_reader(&home.path().join(FILE)).unwrap();
    let (mut folded, mut number) = (0, 20);
    look::at(&reader, 3, || {
        number += 1;
        let batch = Batch { surveys: vec![survey("odd", number)], ..Batch::default() };
        journal.commit(&batch, NOW).unwrap();
        let writer = Connection::open(home.path().join(FILE)).unwrap();
        // It waits for nobody: with a reader in the way it could not be emptied.
        writer.busy_timeout(Duration::ZERO).unwrap();
        assert!(schema::fold(&writer).unwrap(), "after {folded} portions");
        folded += 1;
    })
    .unwrap();
    assert_eq!(folded, 7, "20 rows, and none of those that came meanwhile");
    let settled = settle::settle(&reader).unwrap();
    assert_eq!((settled.held_through, settled.lost.count), (9, 0));
}

#[test]
fn what_the_cursor_passes_and_the_gateway_lets_go_of_meanwhile_is_not_lost() {
    let home = tempfile::tempdir().unwrap();
    let mut journal = journal(home.path());
    let reader = schema::open_reader(&home.path().join(FILE)).unwrap();
    look::at(&reader, 5, || {
        note(&mut journal, Custody::Held { through: 20 });
        journal.prune(NOW, Some(Full::Journal)).unwrap();
    })
    .unwrap();
    assert_eq!(settle::settle(&reader).unwrap().lost, Damaged::default());
}

#[test]
fn surveys_come_a_portion_at_a_time_and_all_of_them() {
    let home = tempfile::tempdir().unwrap();
    let mut journal = open(home.path());
    let many = PORTION as i64 + 5;
    let surveys = (1..=many).map(|number| survey("m", number)).collect();
    journal.commit(&Batch { surveys, ..Batch::default() }, NOW).unwrap();
    let holdings = Holdings::open(home.path()).unwrap();
    let device = holdings.next_device(None).unwrap().unwrap();
    let seqs = holdings.surveys(&device).unwrap().into_iter().map(|survey| survey.seq);
    assert!(seqs.eq(1..=many));
}

#[test]
fn refused_input_is_told_by_reason_and_of_whom_it_names() {
    let home = tempfile::tempdir().unwrap();
    drop(journal(home.path()));
    let aside = "INSERT INTO quarantine (at, peer, reason, detail, raw) VALUES
        (0, '127.0.0.1:9', 'bad-line', 'line 2', CAST('odd 08:00 - 1 - 2%' || char(10) || '? what' AS BLOB)),
        (0, '127.0.0.1:9', 'bad-line', 'line 1', x'ff00ff'),
        (0, 'journal', 'refused-by-cloud', 'the cloud refused survey 3 of the journal: no', CAST('odd' AS BLOB))";
    harm(home.path(), aside);
    harm(
        home.path(),
        "INSERT INTO refusals VALUES ('bad-line', 7), ('refused-by-cloud', 1), ('checksum-passed-on', 1)",
    );
    harm(home.path(), "INSERT INTO counters VALUES ('copies', 5), ('empty', 2)");
    let holdings = Holdings::open(home.path()).unwrap();
    assert_eq!(holdings.refused_inputs(), &BTreeMap::from([("bad-line".to_owned(), 7)]));
    let of = |device| holdings.refused_inputs_of(&DeviceId::new(device).unwrap());
    assert_eq!((of("odd"), of("even"), holdings.copies()), (1, 0, 5));
}
