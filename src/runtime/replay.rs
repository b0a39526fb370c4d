//! The engine as `verify` replays it: the same rules that the live run asked before it wrote.

use std::sync::Arc;

use crate::engine::admit;
use crate::engine::book::Book;
use crate::engine::entry::{Entry, FORMAT, SEMANTICS};
use crate::engine::state::{Phase, State};
use crate::transcript::Replay;

/// A replay over one transcript.
pub struct Replayed {
    book: Arc<Book>,
    state: Option<State>,
}

impl Replayed {
    /// Nothing read yet.
    pub fn new(book: Book) -> Self {
        Self { book: Arc::new(book), state: None }
    }
}

impl Replay for Replayed {
    fn admit(&mut self, entry: &Entry) -> Result<(), String> {
        let Some(state) = &mut self.state else {
            admit::admit_first(entry)?;
            self.state = State::open(&self.book, entry);
            return Ok(());
        };
        let allowed = admit::admit(&self.book, state, entry);
        // Later entries are judged too, so it is folded in as far as it goes.
        state.apply(&self.book, entry);
        allowed
    }

    fn must_be_signed(&self, entry: &Entry) -> bool {
        admit::must_be_signed(&self.book, &entry.body)
    }

    fn finish(&mut self) -> Vec<String> {
        match &self.state {
            None => vec![format!("no run was opened (format {FORMAT}, semantics {SEMANTICS})")],
            Some(state) if matches!(state.phase, Phase::Sealed(_)) => Vec::new(),
            Some(_) => Vec::new(),
        }
    }
}
