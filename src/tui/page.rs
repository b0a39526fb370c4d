//! A page of the stack: what it shows, and where the operator is on it.

use super::keymap::Screen;
use super::widgets::field::TextField;
use crate::view::{Ask, FieldKind, InputKind, Offer, Row, View};

/// What a page shows.
// There are only as many as pages are open.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A view of the owner.
    View(View),
    /// The page of a command or choice of the run below.
    Plan(Box<Offer>),
    /// Keys of the page below.
    Help,
    /// Commands by name, for the page below.
    Palette,
    /// All steps of the run below.
    Steps,
}

/// A page.
#[derive(Clone, Debug)]
pub struct PageState {
    /// What it shows.
    pub content: Content,
    /// The panel that has the keys, from 0.
    pub panel: usize,
    /// The selected line of each panel.
    pub selected: [usize; 4],
    /// True once the operator has selected a row; until then the view's own stands.
    pub touched: bool,
    /// First line shown.
    pub scroll: usize,
    /// Which lines of what is to be confirmed were on a flushed frame.
    pub seen: Vec<bool>,
    /// Lines on screen, from the last layout.
    pub visible: usize,
    /// The fields.
    pub fields: Vec<TextField>,
    /// The field that has the keys.
    pub focus: Option<usize>,
    /// The sign line is open.
    pub signing: bool,
    /// A decision was sent, and no news has come since.
    pub sent: bool,
    /// What is looked for.
    pub filter: String,
    /// The line in which it is typed.
    pub typing: Option<TextField>,
    /// The newest sample is kept in sight.
    pub follow: bool,
}

impl PageState {
    /// A page as it is opened.
    pub fn new(content: Content) -> Self {
        let mut page = Self {
            content,
            panel: 0,
            selected: [0; 4],
            touched: false,
            scroll: 0,
            seen: Vec::new(),
            visible: 0,
            fields: Vec::new(),
            focus: None,
            signing: false,
            sent: false,
            filter: String::new(),
            typing: None,
            follow: true,
        };
        page.reset_fields();
        if matches!(page.content, Content::Plan(_)) && !page.fields.is_empty() {
            page.focus = Some(0);
        }
        if matches!(page.content, Content::Palette) {
            page.typing = Some(TextField::default());
        }
        if let Content::View(View::Inputs(view)) = &page.content {
            let open = |kind: &InputKind| !matches!(kind, InputKind::Fixed(_));
            page.selected[0] = view.inputs.iter().position(|input| open(&input.kind)).unwrap_or(0);
            page.focus_input();
        }
        page
    }

    /// Its kind.
    pub fn screen(&self) -> Screen {
        match &self.content {
            Content::View(View::Home(_)) => Screen::Home,
            Content::View(View::UserKeys(_)) => Screen::UserKeys,
            Content::View(View::AccountKeys(_)) => Screen::AccountKeys,
            Content::View(View::Inputs(_)) => Screen::Inputs,
            Content::View(View::Run(_)) => Screen::Run,
            Content::View(View::End(_)) => Screen::End,
            Content::View(View::Transcript(_)) => Screen::Transcript,
            Content::View(View::Read(_)) | Content::Steps => Screen::Read,
            Content::Plan(_) => Screen::Plan,
            Content::Help => Screen::Help,
            Content::Palette => Screen::Palette,
        }
    }

    /// What it asks.
    pub fn ask(&self) -> Option<&Ask> {
        match &self.content {
            Content::View(View::Run(view)) => view.ask.as_ref(),
            Content::Plan(offer) => Some(&offer.ask),
            _ => None,
        }
    }

    /// The choices of its panel.
    pub fn choices(&self) -> Vec<&crate::view::Choice> {
        let body = match &self.content {
            Content::View(View::Run(view)) => &view.panel.body,
            _ => return Vec::new(),
        };
        body.iter().filter_map(|row| if let Row::Choice(choice) = row { Some(choice) } else { None }).collect()
    }

    /// Fields as the page asks for them, with what stands in them at first.
    pub fn reset_fields(&mut self) {
        let fields = match &self.content {
            Content::View(View::Inputs(view)) => view
                .inputs
                .iter()
                .map(|input| match &input.kind {
                    InputKind::Text(value) => TextField::new(value),
                    _ => TextField::default(),
                })
                .collect(),
            _ => {
                self.ask().map(|ask| ask.fields.iter().map(|f| TextField::new(&f.value)).collect()).unwrap_or_default()
            }
        };
        self.fields = fields;
        self.focus = None;
    }

    /// On the page of inputs the selected one has the keys if it can be typed.
    pub fn focus_input(&mut self) {
        if let Content::View(View::Inputs(view)) = &self.content {
            let index = self.selected[0];
            let typed = view.inputs.get(index).map(|i| matches!(i.kind, InputKind::Text(_) | InputKind::Secret { .. }));
            self.focus = (typed == Some(true)).then_some(index);
        }
    }

    /// Lines of what is to be confirmed that were not yet on a flushed frame. A page that was never drawn has all unseen.
    pub fn unseen(&self) -> usize {
        if self.seen.is_empty() { 1 } else { self.seen.iter().filter(|seen| !**seen).count() }
    }

    /// What is missing in the fields, in words.
    pub fn missing(&self) -> Option<String> {
        self.missing_field().map(|(_, words)| words)
    }

    /// The first field that is not as it has to be, and why, in words.
    pub fn missing_field(&self) -> Option<(usize, String)> {
        let ask = self.ask()?;
        ask.fields.iter().zip(&self.fields).enumerate().find_map(|(index, (field, typed))| {
            let value = typed.value();
            let words = match &field.kind {
                FieldKind::TypeBack { expected, .. } if value.is_empty() => {
                    let what =
                        if expected.chars().count() == 4 { "the last four are" } else { "what is to be typed is" };
                    Some(format!("{what} missing"))
                }
                FieldKind::TypeBack { expected, of } if value.as_str() != expected => Some(format!(
                    "you typed {}; {} ends in {expected}",
                    crate::view::text::visible(&value),
                    if of.is_empty() { "it" } else { of }
                )),
                FieldKind::Text if field.required && value.trim().is_empty() => {
                    Some(format!("{} is missing", field.label.to_lowercase()))
                }
                _ => None,
            };
            words.map(|words| (index, words))
        })
    }

    /// Everything about what was seen starts anew.
    pub fn forget_seen(&mut self) {
        self.seen.clear();
        self.signing = false;
    }
}
