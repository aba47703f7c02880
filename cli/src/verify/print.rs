//! The report, device by device as it comes: a table for people, or JSON.

use super::report::{Cells, DamagedRow, DamagedRows, DeviceReport, Missing, Sum};
use crate::shown::shown;
use std::io::{self, Write};

/// What is named in the table's verdict; JSON names all that can be named.
const NAMED: usize = 20;
/// Refused surveys that are named for each device.
const REFUSED_NAMED: usize = 5;

/// How it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A table: devices, and their days that are not complete.
    Table,
    /// A table with every day.
    AllDays,
    /// One JSON object.
    Json,
}

/// Prints a report.
pub(crate) struct Printer<W> {
    out: W,
    form: Form,
    /// Whose days are counted; None: each device's own.
    zone: Option<String>,
    /// The first of those that are missing.
    missing: Vec<Missing>,
    /// The first of those that were never heard.
    never_heard: Vec<String>,
    devices: u64,
}

impl<W: Write> Printer<W> {
    pub(crate) fn start(mut out: W, form: Form, zone: Option<String>) -> io::Result<Self> {
        if form == Form::Json {
            write!(out, "{{\"time_zone\":{},\"devices\":[", serde_json::Value::from(zone.as_deref()))?;
        }
        Ok(Self { out, form, zone, missing: Vec::new(), never_heard: Vec::new(), devices: 0 })
    }

    /// Prints a device.
    pub(crate) fn device(&mut self, report: &DeviceReport) -> io::Result<()> {
        self.devices += 1;
        if self.form == Form::Json {
            let separator = if self.devices == 1 { "\n" } else { ",\n" };
            self.out.write_all(separator.as_bytes())?;
            return Ok(serde_json::to_writer(&mut self.out, report)?);
        }
        if self.devices == 1 {
            writeln!(
                self.out,
                "{:<20} {:<22} {:>8} {:>8} {:>9} {:>8} {:>8} {:>10} {:>8}",
                "device",
                format!("day ({})", self.zone.as_deref().unwrap_or("at the site")),
                "due",
                "held",
                "duplicate",
                "conflict",
                "refused",
                "at gateway",
                "missing"
            )?;
        }
        let span = match (report.days.first(), report.days.last()) {
            (Some(first), Some(last)) => days(&first.day, last.through.as_ref().or(Some(&last.day))),
            _ => "none".to_owned(),
        };
        self.row(&report.device, &span, &report.total)?;
        for line in &report.days {
            if self.form == Form::AllDays || !line.cells.is_complete() {
                self.row("", &days(&line.day, line.through.as_ref()), &line.cells)?;
            }
        }
        self.remarks(report)?;
        let room = NAMED.saturating_sub(self.missing.len());
        self.missing.extend(report.missing.iter().take(room).cloned());
        if report.never_heard && self.never_heard.len() < NAMED {
            self.never_heard.push(report.device.clone());
        }
        Ok(())
    }

    /// What is to be said of a device beside its numbers.
    fn remarks(&mut self, report: &DeviceReport) -> io::Result<()> {
        if self.zone.is_none() {
            writeln!(self.out, "  days in {}", report.time_zone)?;
        }
        if report.refused_at_gateway > 0 {
            let number = grouped(report.refused_at_gateway);
            writeln!(self.out, "  refused at the gateway: {number} of the newest inputs name it")?;
        }
        for survey in report.refused_surveys.iter().take(REFUSED_NAMED) {
            let (seq, gateway, reason) = (survey.seq, &survey.gateway, shown(&survey.reason));
            writeln!(self.out, "  refused: survey {seq} of {gateway}: {reason}")?;
        }
        let others = report.refused_surveys.len().saturating_sub(REFUSED_NAMED);
        if others > 0 {
            writeln!(self.out, "  refused: {} more surveys", grouped(others as u64))?;
        }
        Ok(())
    }

    fn row(&mut self, device: &str, day: &str, cells: &Cells) -> io::Result<()> {
        let known = |number: Option<u64>, or: &str| number.map_or(or.to_owned(), |number| number.to_string());
        writeln!(
            self.out,
            "{device:<20} {day:<22} {:>8} {:>8} {:>9} {:>8} {:>8} {:>10} {:>8}",
            known(cells.due, "?"),
            cells.held,
            known(cells.duplicate, "-"),
            cells.conflict,
            cells.refused,
            cells.at_gateway,
            cells.missing
        )
    }

    /// Prints the verdict.
    pub(crate) fn end(mut self, sum: &Sum, lost: &DamagedRows, passed_on: &DamagedRows) -> io::Result<()> {
        if self.form == Form::Json {
            return self.end_json(sum, lost, passed_on);
        }
        if self.devices > 0 {
            writeln!(self.out)?;
        }
        let end = if sum.missing > 0 { ":" } else { "" };
        writeln!(self.out, "{}{end}", verdict(sum))?;
        for one in &self.missing {
            let Missing { device, time, values, held, seq, gateway } = one;
            let held = held.map(|held| format!("; held is {held}")).unwrap_or_default();
            writeln!(self.out, "  {device} - {time} - {values} (survey {seq} of {gateway}{held})")?;
        }
        self.others(sum.missing, self.missing.len(), sum.missing)?;
        if sum.missing > 0 && sum.missing == sum.acknowledged {
            writeln!(self.out, "That is all of them: is this the cloud of these gateways?")?;
        }
        self.damaged(lost, "in a journal DAMAGED:")?;
        self.damaged(
            passed_on,
            "damaged in a journal after the cloud had acknowledged what was in it; that cannot be compared any more:",
        )?;
        self.notes(sum)?;
        self.out.flush()
    }

    /// Ends a report that goes no further, for the reason `why`: JSON is whole, and says that it is not all.
    pub(crate) fn broken(mut self, why: &str) -> io::Result<()> {
        if self.form == Form::Json {
            writeln!(self.out, "\n],\"ok\":false,\"error\":{}}}", serde_json::Value::from(why))?;
        }
        self.out.flush()
    }

    fn end_json(mut self, sum: &Sum, lost: &DamagedRows, passed_on: &DamagedRows) -> io::Result<()> {
        let (ok, verdict) = (sum.is_well(), serde_json::Value::from(verdict(sum)));
        write!(self.out, "\n],\"damaged\":{},", serde_json::to_string(&lost.named)?)?;
        write!(self.out, "\"damaged_but_passed_on\":{},", serde_json::to_string(&passed_on.named)?)?;
        let sum = serde_json::to_string(sum)?;
        writeln!(self.out, "\"total\":{sum},\"ok\":{ok},\"verdict\":{verdict}}}")?;
        self.out.flush()
    }

    fn damaged(&mut self, rows: &DamagedRows, what: &str) -> io::Result<()> {
        if rows.count == 0 {
            return Ok(());
        }
        writeln!(self.out, "{} {what}", surveys(rows.count))?;
        for DamagedRow { seq, gateway, device } in rows.named.iter().take(NAMED) {
            let device = device.as_ref().map(|id| format!(", of {id:?}")).unwrap_or_default();
            writeln!(self.out, "  survey {seq} of {gateway}{device}")?;
        }
        self.others(rows.count, rows.named.len().min(NAMED), rows.named.len() as u64)
    }

    /// Says how many there are beside the `shown`. JSON names so many of all.
    fn others(&mut self, count: u64, shown: usize, in_json: u64) -> io::Result<()> {
        let others = in_json.saturating_sub(shown as u64);
        if others > 0 {
            writeln!(self.out, "  and {} more; --json names them", grouped(others))?;
        }
        match (count.saturating_sub(in_json), in_json) {
            (0, _) => Ok(()),
            (_, 0) => writeln!(self.out, "  no journal can say which; it has only counted them"),
            (unnamed, _) => {
                writeln!(self.out, "  and {} more that were counted and cannot be named", grouped(unnamed))
            }
        }
    }

    fn notes(&mut self, sum: &Sum) -> io::Result<()> {
        for (count, what) in [
            (
                sum.unproven,
                "contradict more values than the cloud records of one reading: not told whether it had them",
            ),
            (sum.let_go, "are older than the cloud keeps them: let go of by age"),
            (sum.at_gateway, "are still at the gateway"),
            (sum.refused, "are in surveys that the cloud refused; the gateway keeps them"),
        ] {
            if count > 0 {
                writeln!(self.out, "{} {what}", readings(count))?;
            }
        }
        self.gateways_notes(sum)
    }

    /// What only the gateways can tell.
    fn gateways_notes(&mut self, sum: &Sum) -> io::Result<()> {
        if sum.never_heard > 0 {
            let names = self.never_heard.join(", ");
            let more = if sum.never_heard > self.never_heard.len() as u64 { ", ..." } else { "" };
            let number = grouped(sum.never_heard);
            writeln!(self.out, "{number} on a gateway's roster and never heard: {names}{more}")?;
        }
        let refused = sum.refused_at_gateway.values().sum();
        if refused > 0 {
            let reasons = sum.refused_at_gateway.iter();
            let reasons: Vec<_> =
                reasons.map(|(reason, count)| format!("{} {}", shown(reason), grouped(*count))).collect();
            writeln!(
                self.out,
                "inputs refused at the gateway: {} ({})",
                grouped(refused),
                reasons.join(", ")
            )?;
        }
        if sum.copies_at_gateway > 0 {
            writeln!(
                self.out,
                "copies of datagrams recognised at the gateway: {}",
                grouped(sum.copies_at_gateway)
            )?;
        }
        Ok(())
    }
}

/// What it comes to, in a line.
pub(crate) fn verdict(sum: &Sum) -> String {
    let number = grouped(sum.acknowledged.saturating_sub(sum.unproven).saturating_sub(sum.let_go));
    match (sum.journals, sum.missing) {
        (0, _) => "no journal was asked (--data), so nothing is known of what should be held".to_owned(),
        (_, 0) if sum.acknowledged == 0 => "the journal keeps no acknowledged readings".to_owned(),
        (_, 0) if sum.let_go == sum.acknowledged => {
            "the cloud keeps no readings as old as the acknowledged ones".to_owned()
        }
        (_, 0) => format!("all {number} acknowledged readings are held"),
        (_, 1) => "1 acknowledged reading is MISSING".to_owned(),
        (_, missing) => format!("{} acknowledged readings are MISSING", grouped(missing)),
    }
}

fn days(first: &str, last: Option<&String>) -> String {
    match last.filter(|last| *last != first) {
        Some(last) => format!("{first}..{last}"),
        None => first.to_owned(),
    }
}

/// `1 survey`, `2 surveys`.
pub(crate) fn surveys(count: u64) -> String {
    if count == 1 { "1 survey".to_owned() } else { format!("{} surveys", grouped(count)) }
}

fn readings(count: u64) -> String {
    if count == 1 { "1 reading".to_owned() } else { format!("{} readings", grouped(count)) }
}

/// 32323 as `32,323`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_report_that_breaks_off_is_whole_json_and_says_so() {
        let mut out = Vec::new();
        Printer::start(&mut out, Form::Json, None).unwrap().broken("interrupted \u{7}").unwrap();
        let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!((&json["ok"], &json["error"]), (&false.into(), &"interrupted \u{7}".into()));
    }
}
