//! Times as people at this machine read them: the local zone, a day's name where it is another day.

use std::time::Duration;

use chrono::{DateTime, Local, Offset};

use crate::engine::entry::Stamp;

/// The clock of one view: everything in it is told as of one moment.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    now: Stamp,
}

fn local(at: Stamp) -> DateTime<Local> {
    at.time().with_timezone(&Local)
}

impl Clock {
    /// As of this moment.
    pub fn at(now: Stamp) -> Self {
        Self { now }
    }

    /// `03:15:02`, with the day's name where it is not today, and the date where the name could mean another week.
    pub fn time(self, at: Stamp) -> String {
        self.told(at, "%H:%M:%S")
    }

    /// [`Clock::time`] without seconds.
    pub fn minute(self, at: Stamp) -> String {
        self.told(at, "%H:%M")
    }

    fn told(self, at: Stamp, form: &str) -> String {
        let (then, now) = (local(at), local(self.now));
        let days = (then.date_naive() - now.date_naive()).num_days();
        let day = match days {
            0 => "",
            -6..=6 => "%a ",
            _ => "%a %d %b ",
        };
        then.format(&format!("{day}{form}")).to_string()
    }

    /// `Thu 20 Nov 03:12 +01:00`.
    pub fn moment(self, at: Stamp) -> String {
        format!("{} {}", local(at).format("%a %d %b %H:%M"), self.zone(at))
    }

    /// `Fri 21 Nov 04:44:10 +01:00`.
    pub fn second(self, at: Stamp) -> String {
        format!("{} {}", local(at).format("%a %d %b %H:%M:%S"), self.zone(at))
    }

    /// `Wed 19 Nov`.
    pub fn date(self, at: Stamp) -> String {
        local(at).format("%a %d %b").to_string()
    }

    /// `UTC`, or the offset: the machine knows no name of its zone that everybody reads the same way.
    pub fn zone(self, at: Stamp) -> String {
        let then = local(at);
        if then.offset().fix().local_minus_utc() == 0 { "UTC".into() } else { then.format("%:z").to_string() }
    }

    /// Whole days ago.
    pub fn days(self, at: Stamp) -> u64 {
        self.now.since(at).as_secs() / 86_400
    }

    /// Time until then.
    pub fn until(self, at: Stamp) -> Duration {
        at.since(self.now)
    }
}

/// `23 h 58 min`, `5 min`, `12 s`: two units at most, cut and not rounded.
pub fn span(time: Duration) -> String {
    let s = time.as_secs();
    let two = |a: u64, b: u64, big: &str, small: &str| match b {
        0 => format!("{a} {big}"),
        _ => format!("{a} {big} {b} {small}"),
    };
    match s {
        0..60 => format!("{s} s"),
        60..3600 => two(s / 60, s % 60, "min", "s"),
        3600..172_800 => two(s / 3600, s % 3600 / 60, "h", "min"),
        _ => two(s / 86_400, s % 86_400 / 3600, "d", "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Stamp {
        Stamp::parse(text).unwrap()
    }

    #[test]
    fn another_day_is_named_and_another_week_dated() {
        let clock = Clock::at(at("2026-11-20T12:00:00.000Z"));
        assert_eq!(clock.time(at("2026-11-20T12:00:01.000Z")).len(), 8);
        assert_eq!(clock.time(at("2026-11-22T12:00:01.000Z")).len(), 12);
        assert_eq!(clock.minute(at("2026-12-20T12:00:01.000Z")).len(), 16);
    }

    #[test]
    fn a_span_has_two_units_at_most() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (125, "2 min 5 s"),
            (86_280, "23 h 58 min"),
            (86_400, "24 h"),
            (200_000, "2 d 7 h"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }
}
