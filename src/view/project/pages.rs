//! Texts to read whole: one entry, or everything that is known of the step on screen.

use serde_json::Value;

use super::look::{Around, Look, number, row_name};
use super::{back, steps};
use crate::engine::admit;
use crate::engine::call::Rendered;
use crate::engine::entry::Reading;
use crate::engine::focus::Focus;
use crate::engine::state::CallState;
use crate::runtime::snapshot::Snapshot;
use crate::transcript::stock_check;
use crate::view::{Panel, ReadView, Row, Text};

/// One entry, whole, and the command that checks it.
pub fn entry_view(now: &Snapshot, around: &Around, n: u64) -> Option<ReadView> {
    let look = Look::new(now, around);
    let log = now.log.read().unwrap_or_else(std::sync::PoisonError::into_inner);
    let entry = log.get(usize::try_from(n).ok()?)?;
    let value = serde_json::to_value(entry).ok()?;
    let mut body = json_rows(&value);
    let mut copy = serde_json::to_string(entry).ok();
    if admit::must_be_signed(look.book(), &entry.body) {
        let check = stock_check(n, &entry.by, entry.wall.unwrap_or(entry.at));
        body.push(Row::section("Check it without keyward, in the run's folder (c copies it)", ""));
        body.push(Row::Line(Text::from(check.as_str())));
        copy = Some(check);
    }
    let title = format!("Entry {n}: {}", entry.body.kind());
    let panel = Panel { title: title.into(), tag: "as it is on disk".into(), body, ..Panel::default() };
    Some(ReadView { banner: look.banner(), panel, copy })
}

/// Everything that is known of the step on screen: what is confirmed with its digest, and every answer.
pub fn whole_view(now: &Snapshot, around: &Around, row: &str) -> ReadView {
    let look = Look::new(now, around);
    let id = steps::current(&look).unwrap_or("");
    let step = look.step(id);
    let folded = look.folded(id);
    let rendered: Option<Rendered> =
        match (&now.focus, &now.rendered, folded.and_then(|folded| folded.confirmed.as_ref())) {
            (Focus::ConfirmBack, ..) => Some(back::rendered(&look)),
            (_, Some(Ok(rendered)), _) => Some(rendered.clone()),
            (_, _, Some(confirmed)) => Some(confirmed.rendered.clone()),
            _ => None,
        };
    let mut body = Vec::new();
    let mut copy = None;
    if let Some(rendered) = &rendered {
        body.push(Row::field("sha256", rendered.digest()));
        body.push(Row::more("of the action, as `jq -rj .action transcript line | sha256sum` prints it"));
        body.push(Row::section("The action, whole", ""));
        body.extend(json_rows(&serde_json::json!(rendered)));
        copy = Some(rendered.digest());
    }
    for state in folded.into_iter().flat_map(|folded| &folded.rows).filter(|state| row.is_empty() || state.key == row) {
        let name = row_name(state, "the step");
        if let Some((at, reading)) = &state.look {
            body.push(Row::section(&format!("{name}: before, read {}", look.clock.time(*at)), ""));
            body.extend(reading_rows(reading));
        }
        for (n, call) in &state.calls {
            if let CallState::Finished { reading, at, .. } = call {
                body.push(Row::section(&format!("{name}: answer to call {}, {}", n + 1, look.clock.time(*at)), ""));
                body.extend(reading_rows(reading));
            }
            if let CallState::InDoubt { evidence, reads, .. } = call {
                body.push(Row::section(&format!("{name}: call {}, in doubt", n + 1), ""));
                body.extend(json_rows(evidence));
                for (at, read) in reads {
                    body.push(Row::section(&format!("read {}", look.clock.time(*at)), ""));
                    body.extend(json_rows(read));
                }
            }
        }
        for sample in state.samples.iter().rev() {
            body.push(Row::section(&format!("{name}: sample {}, entry {}", look.clock.time(sample.at), sample.n), ""));
            body.extend(reading_rows(&sample.reading));
        }
    }
    for (index, reading) in folded.into_iter().flat_map(|folded| folded.gates.iter()) {
        body.push(Row::section(&format!("gate {}, read {}", index.0 + 1, look.clock.time(reading.at)), ""));
        body.extend(json_rows(&reading.evidence));
    }
    if body.is_empty() {
        body.push(Row::line("There is nothing more than what the page before says."));
    }
    let title =
        step.map_or_else(|| "All of it".to_owned(), |step| format!("{}  {}, all of it", number(step), step.title));
    ReadView {
        banner: look.banner(),
        panel: Panel { title: title.into(), tag: look.tag("read only"), body, ..Panel::default() },
        copy,
    }
}

fn reading_rows(reading: &Reading) -> Vec<Row> {
    let mut rows = Vec::new();
    if let Some(id) = &reading.request_id {
        rows.push(Row::field("request id", id.as_str()));
    }
    if let Some(date) = &reading.date {
        rows.push(Row::field("Date", date.as_str()));
    }
    if let Some(blob) = &reading.blob {
        rows.push(Row::field("blob", blob.as_str()));
    }
    rows.extend(json_rows(reading.result.as_ref().unwrap_or(&Value::Null)));
    rows
}

/// JSON, indented, a line each. A text that is JSON itself (what was confirmed) is shown as such.
fn json_rows(value: &Value) -> Vec<Row> {
    let mut value = value.clone();
    for name in ["action", "statement", "audit"] {
        let inner = value.get(name).and_then(Value::as_str).and_then(|text| serde_json::from_str::<Value>(text).ok());
        if let (Some(inner), Some(map)) = (inner, value.as_object_mut()) {
            map.insert(name.to_owned(), inner);
        }
    }
    let text = serde_json::to_string_pretty(&value).unwrap_or_default();
    text.lines().map(|line| Row::Line(Text::from(line))).collect()
}
