//! The event loop: keys, news and signals in; frames and intents out. It draws only when something has changed, and waits
//! for nothing but events: no tick.

use std::io::{self, Write};
use std::task::Poll;

use crossterm::clipboard::CopyToClipboard;
use crossterm::event::{Event, EventStream};
use crossterm::execute;
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use futures_util::StreamExt;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{Receiver, Sender};

use super::app::{App, Wish};
use super::guard::Guard;
use super::theme::Theme;
use crate::view::{Intent, ViewUpdate};

/// How the interface is to be.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Look.
    pub theme: Theme,
    /// Does it begin with the mouse on?
    pub mouse: bool,
}

impl Default for Options {
    /// As the environment says, with the mouse on.
    fn default() -> Self {
        Self { theme: Theme::from_environment(|name| std::env::var(name).ok()), mouse: true }
    }
}

struct Signals {
    terminate: Signal,
    hang_up: Signal,
    stop: Signal,
}

/// Runs the interface until it is left, news end, or a signal ends it. The terminal is as it was afterwards, also if this
/// panics.
///
/// A full channel of intents never blocks the keys: the loop waits for room beside everything else.
///
/// # Errors
/// The terminal can't be taken, read or written.
pub async fn run(mut views: Receiver<ViewUpdate>, intents: Sender<Intent>, options: Options) -> io::Result<()> {
    let mut signals = Signals {
        terminate: signal(SignalKind::terminate())?,
        hang_up: signal(SignalKind::hangup())?,
        // Without this a stop from outside would leave the terminal in raw mode.
        stop: signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?,
    };
    let mut guard = Guard::take(options.mouse)?;
    let mut terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
    wipe(&mut terminal)?;
    let size = terminal.size()?;
    let mut app = App::new(options.theme, (size.width, size.height));
    app.mouse = options.mouse;
    let mut events = EventStream::new();
    let mut waiting: std::collections::VecDeque<Intent> = std::collections::VecDeque::new();
    loop {
        if app.dirty() {
            frame(&mut terminal, &mut app, &mut events, &mut waiting).await?;
        }
        for wish in app.wishes() {
            match wish {
                Wish::Redraw => {
                    wipe(&mut terminal)?;
                    app.redraw();
                }
                Wish::Shell => {
                    drop(events);
                    stop(&guard, &mut terminal).await?;
                    events = EventStream::new();
                    app.came_back();
                }
                Wish::Quit => return Ok(()),
            }
        }
        guard.set_mouse(app.mouse())?;
        if app.dirty() {
            continue;
        }
        tokio::select! {
            biased;
            _ = signals.terminate.recv() => return leave(&intents),
            _ = signals.hang_up.recv() => return leave(&intents),
            _ = signals.stop.recv() => app.wish(Wish::Shell),
            room = intents.reserve(), if !waiting.is_empty() => {
                let Ok(room) = room else { return Ok(()) };
                if let Some(intent) = waiting.pop_front() {
                    room.send(intent);
                }
            }
            update = views.recv() => match update {
                Some(update) => {
                    app.apply(update);
                    // A burst of news is one frame.
                    while let Ok(update) = views.try_recv() {
                        app.apply(update);
                    }
                }
                None => return Ok(()),
            },
            event = events.next() => match event {
                Some(event) => take(&mut app, event?, &mut waiting)?,
                None => return leave(&intents),
            },
        }
    }
}

/// Draws a frame. Keys that were read before its last byte was out belong to the frame before.
async fn frame(
    terminal: &mut Terminal<CrosstermBackend<io::Stdout>>,
    app: &mut App,
    events: &mut EventStream,
    waiting: &mut std::collections::VecDeque<Intent>,
) -> io::Result<()> {
    let generation = app.generation();
    execute!(io::stdout(), BeginSynchronizedUpdate)?;
    let drawn = terminal.draw(|frame| app.draw(frame.buffer_mut())).map(|_| ());
    execute!(io::stdout(), EndSynchronizedUpdate)?;
    drawn?;
    io::stdout().flush()?;
    // Polled with this task's own waker: the stream remembers the first one that it could not serve.
    while let Some(event) = std::future::poll_fn(|context| match events.poll_next_unpin(context) {
        Poll::Ready(event) => Poll::Ready(event),
        Poll::Pending => Poll::Ready(None),
    })
    .await
    {
        take(app, event?, waiting)?;
    }
    app.on_flushed(generation);
    Ok(())
}

fn take(app: &mut App, event: Event, waiting: &mut std::collections::VecDeque<Intent>) -> io::Result<()> {
    let at = app.on_screen();
    for intent in app.on_event(at, event) {
        if let Intent::Copy(text) = &intent {
            execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text))?;
        }
        waiting.push_back(intent);
    }
    Ok(())
}

/// The terminal is going away: the owner is told, without waiting for it.
fn leave(intents: &Sender<Intent>) -> io::Result<()> {
    // A full channel has an owner that is gone or stuck; it sees the channel close.
    let _ = intents.try_send(Intent::LeaveAnyway);
    Ok(())
}

/// To the shell, and back when it is continued.
async fn stop(guard: &Guard, terminal: &mut Terminal<CrosstermBackend<io::Stdout>>) -> io::Result<()> {
    // Other threads go on for a moment after the signal is sent: only its continuation says that the stop is over.
    let mut continued = signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?;
    guard.leave();
    // SIGSTOP and not SIGTSTP: the latter is ours to handle. Only this process: a child that is at work goes on.
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP)?;
    continued.recv().await;
    guard.again()?;
    wipe(terminal)?;
    Ok(())
}

/// Every cell is drawn by the next frame. `Terminal::clear` would ask the terminal where its cursor is, and wait for an
/// answer that the keys' own reader may take.
fn wipe(terminal: &mut Terminal<CrosstermBackend<io::Stdout>>) -> io::Result<()> {
    let size = terminal.size()?;
    terminal.resize(ratatui::layout::Rect::new(0, 0, size.width, size.height))
}
