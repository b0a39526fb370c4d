//! When keyward itself can't go on: the way back as commands for a person.

use crate::action::aws_line;
use crate::diagnostic::Diagnostic;
use crate::engine::call::Call;
use crate::engine::entry::Verdict;
use crate::engine::machine::Engine;
use crate::engine::rollback;
use crate::engine::state::Phase;
use crate::secret::is_tainted;

/// The failure, and below it what a person can do without keyward. Nothing new was started.
pub(super) fn by_hand(failure: Diagnostic, engine: &Engine) -> Diagnostic {
    let state = engine.state();
    let lines = way_back(engine);
    if matches!(state.phase, Phase::Sealed(_)) || lines.is_empty() {
        return failure;
    }
    let hint = failure.hint.as_deref().unwrap_or("mend the store, then go on with keyward resume");
    let commands = lines.join("\n    ");
    Diagnostic::new(failure.what.clone()).hint(format!(
        "{hint}\n  Nothing new was started. If it can't wait, this is the way back by hand, in this order; keyward asks for what \
         you did when it goes on:\n    {commands}"
    ))
}

/// The acts that are left of the way back, each as the line that a person would run. Secrets stand by name.
pub fn way_back(engine: &Engine) -> Vec<String> {
    let state = engine.state();
    let acts = &rollback::planned(engine.book(), state).acts;
    let passed = |id: &str| {
        state.back.get(id).and_then(|step| step.rows.first()).is_some_and(|row| row.verdict == Some(Verdict::Pass))
    };
    let left = acts.iter().filter(|act| !passed(&act.id));
    let lines = left.flat_map(|act| match act.calls.first() {
        Some(call) if call.op == "holder.prove" => vec![format!("# check: {}", act.title)],
        _ => {
            let calls = act.calls.iter().map(line);
            std::iter::once(format!("# {}", act.title)).chain(calls).collect()
        }
    });
    lines.collect()
}

fn line(call: &Call) -> String {
    if let Some(line) = aws_line(call) {
        return line;
    }
    let text = |name: &str| call.params.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    if let Some(method) = call.op.strip_prefix("http:") {
        let body = if is_tainted(&call.params) { ", with the old pair from the sealed files of this run" } else { "" };
        return format!("{method} {}{}{body}", call.endpoint, text("path"));
    }
    let argv = call.params.get("argv").and_then(serde_json::Value::as_array).into_iter().flatten();
    let words: Vec<&str> = argv.filter_map(serde_json::Value::as_str).collect();
    match words.is_empty() {
        true => format!("{} {}", call.op, call.endpoint),
        false => format!("{}  # its input: the old pair from the sealed files of this run", words.join(" ")),
    }
}
