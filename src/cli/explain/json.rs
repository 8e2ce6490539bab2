//! The explanation for other programs. Its shape is public.

use serde::Serialize;

use super::judge::Judgement;

#[derive(Serialize)]
struct Explanation<'a> {
    verdict: &'static str,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
    route: Option<&'a str>,
    scheme: &'a str,
    secret: Option<&'a str>,
    signed: Vec<Part<'a>>,
    findings: Vec<Found<'a>>,
    ruled_out: Vec<&'static str>,
}

#[derive(Serialize)]
struct Part<'a> {
    part: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
}

#[derive(Serialize)]
struct Found<'a> {
    finding: &'static str,
    fix: &'a str,
}

pub(super) fn render(judgement: &Judgement) -> String {
    let signed = judgement.signed.iter().map(|part| Part {
        part: part.name,
        text: part
            .bytes
            .as_deref()
            .and_then(|bytes| std::str::from_utf8(bytes).ok()),
        bytes: part.bytes.as_ref().map(|bytes| bytes.len()),
    });
    let findings = judgement.answer.findings.iter().map(|told| Found {
        finding: told.finding.as_str(),
        fix: &told.fix,
    });
    let ruled_out = judgement
        .answer
        .ruled_out
        .iter()
        .map(|finding| finding.as_str());
    let explanation = Explanation {
        verdict: judgement.verdict(),
        reason: judgement.reason.map_or("ok", |reason| reason.as_str()),
        detail: judgement.detail,
        route: judgement.route.as_deref(),
        scheme: judgement.scheme,
        secret: judgement.secret.as_deref(),
        signed: signed.collect(),
        findings: findings.collect(),
        ruled_out: ruled_out.collect(),
    };
    // Strings and numbers always have a form.
    serde_json::to_string_pretty(&explanation).unwrap_or_default()
}
