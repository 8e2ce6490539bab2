//! The demo's table.

/// One request and what became of it.
pub(super) struct Row {
    pub(super) scheme: &'static str,
    pub(super) sent: &'static str,
    pub(super) status: u16,
    pub(super) verdict: String,
    pub(super) reason: String,
    pub(super) app_saw: String,
    pub(super) is_right: bool,
}

const TITLES: [&str; 6] = [
    "scheme",
    "sent",
    "status",
    "verdict",
    "reason",
    "the app saw",
];

pub(super) fn print(rows: &[Row]) {
    let cells: Vec<[String; 6]> = rows
        .iter()
        .map(|row| {
            [
                row.scheme.to_owned(),
                row.sent.to_owned(),
                row.status.to_string(),
                row.verdict.clone(),
                row.reason.clone(),
                row.app_saw.clone(),
            ]
        })
        .collect();
    let titles = TITLES.map(str::to_owned);
    let mut widths = [0_usize; 6];
    for line in std::iter::once(&titles).chain(&cells) {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.len().max(*width);
        }
    }
    print_line(&titles, &widths, "");
    for (row, line) in rows.iter().zip(&cells) {
        print_line(line, &widths, if row.is_right { "" } else { "  <- WRONG" });
    }
}

fn print_line(cells: &[String; 6], widths: &[usize; 6], mark: &str) {
    let padded: Vec<String> = cells
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{cell:width$}"))
        .collect();
    println!("  {}{mark}", padded.join("  ").trim_end());
}
