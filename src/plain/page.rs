//! Pages that are not a run, as lines.

use super::{PlainFront, rows, sentence};
use crate::view::{EndView, HomeView, InputKind, InputsView, TranscriptView, View};

/// Any page as lines, without a question.
pub fn page(view: &View) -> Vec<String> {
    match view {
        View::Home(view) => home(view),
        View::Inputs(view) => inputs(view),
        View::Run(view) => PlainFront::new().lines(view),
        View::End(view) => end(view),
        View::Transcript(view) => transcript(view),
        View::UserKeys(view) => {
            let mut out = vec![format!("Keys of {}: {}. {}", view.user, view.tag, sentence(&view.banner.right))];
            for key in &view.keys {
                let status = key.status.word();
                out.push(format!("{}: {}, {}, {}: {}", key.id, key.state, key.age, status, sentence(&key.text)));
                for (label, value, right) in &key.facts {
                    out.push(format!("{}: {label}: {} {}", key.id, sentence(value), sentence(right)).trim_end().into());
                }
            }
            rows(&view.can, &mut out);
            prefixed(view.banner.mode.word(), out)
        }
        View::AccountKeys(view) => {
            let mut out = vec![format!("{}: {}. {}", view.title, view.tag, sentence(&view.banner.right))];
            out.extend(view.keys.iter().map(|k| {
                let id = if k.id.is_empty() { "id unknown" } else { &k.id };
                let age = if k.age == "?" { "age unknown" } else { &k.age };
                let state = if k.state == "?" { "state unknown" } else { &k.state };
                let used = format!("{} {}", k.used, k.service);
                let run = if k.run == "–" { "no run" } else { &k.run };
                format!("{}, {id}: {}: {state}, {age}, last use {}, {run}.", k.user, k.status.word(), used.trim())
            }));
            out.push(sentence(&view.summary));
            out.extend(view.caveats.iter().map(sentence).filter(|line| !line.is_empty()));
            prefixed(view.banner.mode.word(), out)
        }
        View::Read(view) => {
            let mut out = vec![sentence(&view.panel.title)];
            rows(&view.panel.body, &mut out);
            prefixed(view.banner.mode.word(), out)
        }
    }
}

fn prefixed(mode: &str, lines: Vec<String>) -> Vec<String> {
    lines.into_iter().map(|line| format!("{mode} {}", crate::view::text::visible(&line))).collect()
}

fn home(view: &HomeView) -> Vec<String> {
    let mut out =
        vec![format!("{} {}. {}", view.banner.environment, view.banner.account, sentence(&view.banner.right))];
    for need in &view.needs {
        let sop = if need.sop.is_empty() { String::new() } else { format!("step {}: ", need.sop) };
        out.push(format!("Needs you: {}: {}: {sop}{} {}", need.word, need.name, sentence(&need.text), need.right));
    }
    for run in &view.runs {
        out.push(format!(
            "Run {}: {}: {}, {}, by {}, {}",
            run.short,
            run.word,
            run.name,
            run.date,
            run.by,
            sentence(&run.text)
        ));
    }
    if view.more_runs > 0 {
        out.push(format!("{} more runs.", view.more_runs));
    }
    for book in &view.runbooks {
        out.push(format!("Runbook: {}: {}: {}, {}.", book.title, book.status.word(), book.drilled, book.origin));
    }
    out.push(format!("{} {}", sentence(&view.footer.left), sentence(&view.footer.right)));
    prefixed(view.banner.mode.word(), out)
}

fn inputs(view: &InputsView) -> Vec<String> {
    let mut out = vec!["Inputs; nothing is sent from this page.".to_owned()];
    for input in &view.inputs {
        let value = match &input.kind {
            InputKind::Fixed(lines) => lines
                .iter()
                .map(
                    |(text, from)| {
                        if from.is_empty() { text.words() } else { format!("{} (from {from})", text.words()) }
                    },
                )
                .collect::<Vec<_>>()
                .join("; "),
            InputKind::Choice { options, chosen } => {
                format!("{}, one of {}", options.get(*chosen).map_or("nothing", String::as_str), options.join(", "))
            }
            InputKind::Text(text) if text.is_empty() => "empty".into(),
            InputKind::Text(text) => text.clone(),
            InputKind::Secret { chars: 0, fingerprint: None } => "a secret, to be typed".into(),
            InputKind::Secret { chars, fingerprint: None } => format!("a secret of {chars} characters"),
            InputKind::Secret { fingerprint: Some(fingerprint), .. } => format!("secret, fingerprint {fingerprint}"),
        };
        let origin = if input.origin.is_empty() { String::new() } else { format!(" ({})", input.origin) };
        out.push(format!("{}: {}: {value}{origin}.", input.name, input.status.word()));
        out.extend(input.notes.iter().map(sentence));
    }
    if !view.missing.is_empty() {
        out.push(format!("{}.", view.missing));
    }
    prefixed(view.banner.mode.word(), out)
}

fn end(view: &EndView) -> Vec<String> {
    let mut out = vec![format!("{}. {}.", view.panel.title.words(), view.panel.tag.words())];
    rows(&view.panel.body, &mut out);
    out.push(format!("{} {}", sentence(&view.footer.left), sentence(&view.footer.right)));
    prefixed(view.banner.mode.word(), out)
}

fn transcript(view: &TranscriptView) -> Vec<String> {
    let mut out = vec![format!("{}: {}. {}", view.banner.user, view.banner.title, sentence(&view.banner.right))];
    for item in &view.deviations {
        out.push(format!("Deviation: entry {}, {}, {}: {}", item.n, item.kind, item.time, sentence(&item.text)));
    }
    for entry in &view.entries {
        out.push(format!("Entry {}, {}, {}, {}: {}", entry.n, entry.time, entry.by, entry.kind, sentence(&entry.text)));
        if let Some(signature) = &entry.signature {
            out.push(format!("Entry {}: {}", entry.n, sentence(signature)));
        }
        if !entry.check.is_empty() {
            out.push(format!("Check it with: {}", entry.check));
        }
    }
    out.push(format!("{} entries, {}. Head {}.", view.total, view.times, view.head));
    prefixed(view.banner.mode.word(), out)
}
