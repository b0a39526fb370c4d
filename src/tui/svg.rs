//! A buffer as SVG, cell by cell, so that columns stay columns: for screenshots in documents.

use std::fmt::Write as _;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

/// Width of a cell.
const WIDTH: f32 = 8.4;
/// Height of a cell.
const HEIGHT: f32 = 17.0;
const BACKGROUND: &str = "#16181d";
const FOREGROUND: &str = "#d7dae0";

fn color(color: Color, otherwise: &str) -> &str {
    match color {
        Color::Red | Color::LightRed => "#ff6b68",
        Color::Green | Color::LightGreen => "#7ecb6f",
        Color::Yellow | Color::LightYellow => "#e5c15f",
        Color::Cyan | Color::LightCyan => "#5fc8d8",
        Color::Blue | Color::LightBlue => "#6aa5f0",
        Color::Magenta | Color::LightMagenta => "#c68be0",
        Color::Black => "#000000",
        Color::White | Color::Gray => "#ffffff",
        Color::DarkGray => "#80848c",
        _ => otherwise,
    }
}

fn escaped(symbol: &str) -> String {
    symbol.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The buffer as an SVG document.
pub fn svg(buffer: &Buffer) -> String {
    let area = buffer.area;
    let (width, height) = (f32::from(area.width) * WIDTH + 16.0, f32::from(area.height) * HEIGHT + 16.0);
    let mut out = String::new();
    // Writing to a String can't fail.
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"DejaVu Sans Mono, Menlo, monospace\" font-size=\"14\">"
    );
    let _ = writeln!(out, "<rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{BACKGROUND}\"/>");
    for y in 0..area.height {
        for x in 0..area.width {
            let Some(cell) = buffer.cell((area.x + x, area.y + y)) else { continue };
            let reversed = cell.modifier.contains(Modifier::REVERSED);
            let (mut front, mut back) = (color(cell.fg, FOREGROUND), color(cell.bg, BACKGROUND));
            if reversed {
                std::mem::swap(&mut front, &mut back);
            }
            let (left, top) = (f32::from(x) * WIDTH + 8.0, f32::from(y) * HEIGHT + 8.0);
            if back != BACKGROUND {
                let _ = writeln!(
                    out,
                    "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{WIDTH:.1}\" height=\"{HEIGHT:.1}\" fill=\"{back}\"/>"
                );
            }
            if cell.symbol().trim().is_empty() {
                continue;
            }
            let bold = if cell.modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
            let dim = if cell.modifier.contains(Modifier::DIM) { " opacity=\"0.6\"" } else { "" };
            let _ = writeln!(
                out,
                "<text x=\"{left:.1}\" y=\"{:.1}\" fill=\"{front}\"{bold}{dim}>{}</text>",
                top + 13.0,
                escaped(cell.symbol())
            );
        }
    }
    out.push_str("</svg>\n");
    out
}
