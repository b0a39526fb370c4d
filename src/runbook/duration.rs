//! Durations as the language writes them: `30s`, `4m`, `24h`, `30d`, `1h30m`.

use std::time::Duration;

/// Reads a duration: whole numbers, each with `s`, `m`, `h` or `d`, largest first or not.
///
/// # Errors
/// A sentence for the person who wrote it.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration like 30s, 4m, 24h or 30d");
    let mut total = 0u64;
    let mut number: Option<u64> = None;
    for c in text.chars() {
        if let Some(digit) = c.to_digit(10) {
            let more = number.unwrap_or(0).checked_mul(10).and_then(|n| n.checked_add(u64::from(digit)));
            number = Some(more.ok_or_else(wrong)?);
            continue;
        }
        let unit = match c {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return Err(wrong()),
        };
        let part = number.take().and_then(|n| n.checked_mul(unit)).ok_or_else(wrong)?;
        total = total.checked_add(part).ok_or_else(wrong)?;
    }
    if number.is_some() || text.is_empty() { Err(wrong()) } else { Ok(Duration::from_secs(total)) }
}

/// The shortest form that [`parse`] reads to the same duration: `24h` is `1d`, 90 seconds are `1m30s`.
pub fn show(time: Duration) -> String {
    let mut rest = time.as_secs();
    let mut out = String::new();
    for (unit, seconds) in [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)] {
        if rest >= seconds {
            out.push_str(&format!("{}{unit}", rest / seconds));
            rest %= seconds;
        }
    }
    if out.is_empty() { "0s".into() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_runbook_writes_and_shows_it_again() {
        for (text, seconds) in
            [("30s", 30), ("4m", 240), ("24h", 86_400), ("30d", 2_592_000), ("1h30m", 5400), ("0s", 0)]
        {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
            assert_eq!(parse(&show(Duration::from_secs(seconds))), Ok(Duration::from_secs(seconds)));
        }
    }

    #[test]
    fn refuses_what_is_none() {
        for text in ["", "30", "s", "-5s", "1.5h", "30 s", "99999999999999999999d", "18446744073709551615d", "4w"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
