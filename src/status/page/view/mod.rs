//! A snapshot in words and drawings, in the order of the page.

mod hero;
pub(super) mod meter;
mod panels;
mod refusal;
mod route;
mod shares;

use super::super::snapshot::{MINUTES, Minute, Route, Snapshot};
use super::attention::{self, Concern, Level};
use super::plot::Plot;
use super::sums::{self, Sum};
use super::words::{clock, count, counted, file_word, moment};
use hero::Hero;
use panels::Panels;
use refusal::RefusalView;
use route::{RouteLine, RouteView};

/// So many concerns are shown; the headline counts all.
const CONCERNS: usize = 24;
/// So many routes are shown in full.
pub(super) const IN_FULL: usize = 60;
/// And so many more with a line each.
pub(super) const AS_LINES: usize = 1_000;
/// With so few, nothing of a route is folded away.
const FEW: usize = 6;
/// With more than that, cards are set closer.
const MANY: usize = 12;
/// So many refusals are shown; the others are folded away.
const REFUSALS: usize = 10;
/// How often the page is fetched anew, in seconds; a large one less often.
const REFRESH: u32 = 5;
const REFRESH_MANY: u32 = 15;

/// All that the template shows.
pub(super) struct View<'a> {
    pub(super) title: String,
    pub(super) refresh: u32,
    pub(super) at: String,
    pub(super) clock: String,
    pub(super) hero: Hero,
    pub(super) concerns: Vec<ConcernView<'a>>,
    pub(super) more_concerns: Option<String>,
    pub(super) totals: Totals,
    pub(super) routes_heading: String,
    pub(super) routes: Vec<RouteView<'a>>,
    pub(super) are_many: bool,
    pub(super) lines: Vec<RouteLine<'a>>,
    pub(super) lines_heading: String,
    pub(super) unnamed: Option<String>,
    pub(super) panels: Panels<'a>,
    pub(super) unrouted: Vec<(&'static str, String)>,
    pub(super) explain: String,
    pub(super) refusals: Vec<RefusalView<'a>>,
    pub(super) older_refusals: Vec<RefusalView<'a>>,
}

/// A concern, and where on the page its route is.
pub(super) struct ConcernView<'a> {
    pub(super) is_trouble: bool,
    pub(super) what: String,
    pub(super) to_do: String,
    pub(super) command: Option<String>,
    pub(super) file: &'static str,
    pub(super) heading: &'static str,
    pub(super) route: Option<&'a str>,
}

/// All routes together, and what had none.
pub(super) struct Totals {
    pub(super) figures: Vec<Figure>,
    pub(super) plot: Plot,
}

/// A count at present, in the last hour, and since the start.
pub(super) struct Figure {
    pub(super) class: &'static str,
    pub(super) name: &'static str,
    pub(super) now: String,
    pub(super) hour: String,
    pub(super) start: String,
}

impl Figure {
    pub(super) fn cells(&self) -> [&str; 3] {
        [&self.now, &self.hour, &self.start]
    }
}

impl<'a> View<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        let concerns = attention::concerns(snapshot);
        let ordered = in_order(snapshot, &concerns);
        let is_open = snapshot.routes.len() <= FEW;
        let in_full = ordered.iter().take(IN_FULL);
        let routes: Vec<_> = in_full
            .map(|(route, concerns)| RouteView::of(snapshot, route, concerns, is_open))
            .collect();
        let in_lines = ordered.iter().skip(IN_FULL).take(AS_LINES);
        let lines: Vec<_> = in_lines
            .map(|(route, concerns)| RouteLine::of(snapshot, route, concerns))
            .collect();
        let unnamed = ordered
            .len()
            .saturating_sub(IN_FULL.saturating_add(AS_LINES)) as u64;
        let more = concerns.len().saturating_sub(CONCERNS) as u64;
        let hero = Hero::of(snapshot, &concerns);
        let mut refusals = RefusalView::all(snapshot);
        let older_refusals = refusals.split_off(refusals.len().min(REFUSALS));
        let file = &snapshot.config.file;
        Self {
            title: format!("{} · hookward", hero.headline),
            refresh: if ordered.len() > IN_FULL {
                REFRESH_MANY
            } else {
                REFRESH
            },
            at: moment(snapshot.at),
            clock: clock(snapshot.at),
            hero,
            more_concerns: (more > 0).then(|| counted(more, "further one")),
            totals: Totals::of(snapshot),
            routes_heading: counted(snapshot.routes.len() as u64, "route"),
            lines_heading: counted(lines.len() as u64, "further route"),
            unnamed: (unnamed > 0).then(|| counted(unnamed, "further route")),
            are_many: routes.len() > MANY,
            routes,
            lines,
            panels: Panels::of(snapshot),
            unrouted: snapshot
                .unrouted
                .iter()
                .map(|(reason, number)| (*reason, count(*number)))
                .collect(),
            explain: format!(
                "hookward explain --config {} --request FILE",
                file_word(file)
            ),
            refusals,
            older_refusals,
            concerns: concerns
                .into_iter()
                .take(CONCERNS)
                .map(|concern| ConcernView::of(snapshot, concern))
                .collect(),
        }
    }
}

/// The routes with what is the matter with each: first those that need attention, then the others as they are
/// configured.
fn in_order<'a, 'c>(
    snapshot: &'a Snapshot,
    concerns: &'c [Concern],
) -> Vec<(&'a Route, Vec<&'c Concern>)> {
    let routes = snapshot.routes.iter();
    let mut routes: Vec<_> = routes.map(|route| (route, Vec::new())).collect();
    for concern in concerns {
        let route = concern.route.and_then(|place| routes.get_mut(place));
        if let Some((_, of_route)) = route {
            of_route.push(concern);
        }
    }
    routes.sort_by_key(|(_, concerns)| {
        concerns
            .iter()
            .all(|concern| concern.level != Level::Trouble)
    });
    routes
}

impl<'a> ConcernView<'a> {
    fn of(snapshot: &'a Snapshot, concern: Concern) -> Self {
        let route = concern.route.and_then(|place| snapshot.routes.get(place));
        Self {
            is_trouble: concern.level == Level::Trouble,
            what: concern.what,
            to_do: concern.to_do,
            command: concern.command,
            file: concern.section.file,
            heading: concern.section.heading,
            route: route.map(|route| route.name.as_str()),
        }
    }
}

impl Totals {
    fn of(snapshot: &Snapshot) -> Self {
        let routes = snapshot.routes.iter();
        let routes = routes.map(|route| route.last_hour.as_slice());
        let minutes = sums::together(routes.chain([snapshot.unrouted_last_hour.as_slice()]));
        Self {
            figures: figures(&minutes, sums::of_process(snapshot)),
            plot: Plot::of(&minutes),
        }
    }
}

fn figures(minutes: &[Minute], start: Sum) -> Vec<Figure> {
    let now = sums::present(minutes);
    let hour = Sum::of(sums::last(minutes, MINUTES));
    let figure = |class, name, of: fn(Sum) -> u64| Figure {
        class,
        name,
        now: count(of(now)),
        hour: count(of(hour)),
        start: count(of(start)),
    };
    let mut figures = vec![figure("verified", "Verified", |sum| sum.verified)];
    if start.unenforced > 0 {
        figures.push(figure("unenforced", "Let through", |sum| sum.unenforced));
    }
    figures.push(figure("rejected", "Refused", |sum| sum.rejected));
    figures.push(figure("app-failed", "App failed", |sum| sum.app_failed));
    figures
}
