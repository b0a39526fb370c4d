//! The files beside the transcript: are they the ones that entry 0 names, and are there no others?

use std::path::Path;

use super::pass::Pass;
use super::report::FindingKind::{Broken, NotInOrder, Note};
use crate::engine::entry::{EnvironmentKind, FORMAT, Opened, SEMANTICS};
use crate::transcript::folder::{ROSTER, file_names, read_up_to};
use crate::transcript::line::plain;
use crate::transcript::named::strange_files;
use crate::transcript::principal::is_principal;
use crate::transcript::roster::Roster;

impl Pass<'_> {
    /// What entry 0 says of the run and its files.
    pub(super) fn opened(&mut self, opened: &Opened, by: &str) {
        self.report.run = opened.run.clone();
        self.report.environment = plain(&opened.environment.name);
        self.report.environment_kind = Some(opened.environment.kind);
        self.report.operator = opened.operator.clone();
        self.operator_now = opened.operator.clone();
        for (what, name) in [("run", &opened.run), ("operator", &opened.operator)] {
            if !is_principal(name) {
                self.find(Broken, Some(0), format!("`{name}` can't be the name of a {what}"));
            }
        }
        self.kind = Some(opened.environment.kind);
        if opened.format != FORMAT {
            self.find(Broken, Some(0), format!("format {} is not known to this keyward", opened.format));
        }
        if opened.semantics != SEMANTICS {
            self.order_ends(format!("order not judged: semantics {} are not known to this keyward", opened.semantics));
        }
        if opened.operator != by {
            self.find(NotInOrder, Some(0), format!("{by} opened a run whose operator is {}", opened.operator));
        }
        let environment = &opened.environment;
        if environment.kind == EnvironmentKind::Account && (environment.virtual_clock || environment.unattended) {
            let what = if environment.virtual_clock { "a virtual clock" } else { "nobody to confirm" };
            self.find(NotInOrder, Some(0), format!("a real account was run with {what}"));
        }
        if let Some(name) = self.folder.file_name().map(|name| name.to_string_lossy().into_owned())
            && name != opened.run
        {
            self.find(Note, Some(0), format!("the folder is called {name}, the run {}", opened.run));
        }
        self.roster();
        for (_, why) in strange_files(&self.folder, opened) {
            self.find(Broken, None, why);
        }
    }

    fn roster(&mut self) {
        let path = self.folder.join(ROSTER);
        match read_up_to(&path, 16 * 1024 * 1024)
            .map_err(|error| error.to_string())
            .and_then(|text| Roster::from_json(&text))
        {
            Ok(roster) => self.people = Some(roster),
            Err(why) => {
                self.find(Note, None, format!("{ROSTER}: {why}; people are told apart by principal and key alone"))
            }
        }
    }

    /// Are the signature files exactly those that the transcript accounts for?
    pub(super) fn stray_signatures(&mut self, folder: &Path, entries: u64) {
        for name in file_names(folder).unwrap_or_default() {
            match crate::transcript::writer::number_of(&name) {
                Some(n) if n < entries => {}
                // What a crash between signature and line leaves; the next opening sets it aside.
                Some(n) if n == entries && self.report.ended.is_none() => {
                    self.find(Note, None, format!("signatures/{name} stands for an entry that was never written"));
                }
                Some(_) => self.find(Broken, None, format!("signatures/{name} stands for an entry that is not there")),
                None => self.find(Broken, None, format!("signatures/{} is no signature's name", name.escape_debug())),
            }
        }
    }
}
