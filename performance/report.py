"""The tables of docs/performance.md."""
import datetime
import os
import platform
import re
import subprocess

from measure import SIZES, median, say
from programs import ROOT, HashAlone

DOCUMENT = os.path.join(ROOT, "docs/performance.md")
VERIFYING = ["nginx + Lua", "nginx + njs", "HAProxy"]
OURS = "hookward"


def put(section, text):
    """Replaces what stands between a section's marks in the document."""
    with open(DOCUMENT, encoding="utf-8") as file:
        old = file.read()
    begin, end = f"<!-- {section}: written by a program -->", f"<!-- end of {section} -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.S)
    if not pattern.search(old):
        raise SystemExit(f"docs/performance.md has no place for {section}")
    new = pattern.sub(lambda _: f"{begin}\n\n{text.strip()}\n\n{end}", old)
    with open(DOCUMENT, "w", encoding="utf-8") as file:
        file.write(new)


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def micros(value):
    return f"{value:.1f}" if value < 1000 else f"{value:,.0f}"


def version(command, pattern):
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(pattern, run.stdout + run.stderr)
    return found.group(1) if found else "?"


def machine():
    """The machine, and the versions of what was measured."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        info = file.read()
    model = re.search(r"model name\s*: (.*)", info)
    flags = set(re.search(r"flags\s*: (.*)", info).group(1).split()) if "flags" in info else set()
    sha = "with" if flags & {"sha_ni", "sha2"} else "without"
    programs = ["nginx " + version(["nginx", "-v"], r"nginx/(\S+)"),
                "HAProxy " + version(["haproxy", "-v"], r"version (\S+)"),
                "OpenSSL " + version(["openssl", "version"], r"OpenSSL (\S+)"),
                "Pingora 0.9.1", version(["rustc", "--version"], r"(rustc \S+)")]
    return (f"{datetime.date.today()}; {os.cpu_count()} cores of {model.group(1) if model else 'an unnamed CPU'}, "
            f"{sha} SHA extensions; Linux {platform.release().partition('-')[0]}; {', '.join(programs)}.")


def said(rows):
    """The rows, printed as well: what a long run has found so far."""
    for row in rows:
        say(" ".join(map(str, row)))
    return rows


def main_table(capacity, programs):
    """CPU, rate and memory of every program, each with hookward ÷ it."""
    head = ["body", "program", "CPU a request, µs", "requests a second", "resident, MiB"]
    rows = []
    for label in SIZES:
        ours = capacity[label][OURS]
        for name in programs:
            cost = capacity[label][name]
            cells = [f"{micros(median(cost.cpu))} ({ours.ratio(cost):.2f})",
                     f"{median(cost.rate):,.0f} ({median(ours.rate) / median(cost.rate):.2f})",
                     f"{cost.resident / 2**20:.0f} ({ours.resident / cost.resident:.2f})"]
            rows.append([label if name == OURS else "", f"**{name}**" if name == OURS else name, *cells])
    return table(head, rows)


def cost_targets(capacity):
    rows = []
    wanted = {"1 kB": 1.0, "16 kB": 1.0, "100 kB": 1.0, "1 MB": 0.9}
    for label, most in wanted.items():
        ours = capacity[label][OURS]
        best = min((capacity[label][name] for name in VERIFYING), key=lambda cost: median(cost.cpu))
        name = next(name for name in VERIFYING if capacity[label][name] is best)
        rows.append(limit(f"{label}: hookward ÷ {name}, the best verifying peer", ours.ratio(best), most))
    rows.append(limit("1 kB: hookward ÷ bare Pingora", capacity["1 kB"][OURS].ratio(capacity["1 kB"]["bare Pingora"]), 1.15))
    share = capacity["1 MB"][HashAlone.name].ratio(capacity["1 MB"][OURS])
    rows.append(least("1 MB: SHA-256 alone ÷ hookward", share, 0.65))
    return rows


def targets_table(rows):
    return table(["target", "measured", "wanted", "met"], rows)


def limit(what, measured, most):
    """A row of the table of targets: at most so much."""
    return [what, f"{measured:.2f}", f"≤ {most:.2f}", met(measured <= most)]


def least(what, measured, least_wanted):
    """A row of the table of targets: at least so much."""
    return [what, f"{measured:.2f}", f"≥ {least_wanted:.2f}", met(measured >= least_wanted)]


def compared(what, measured):
    """A row of the table of targets for which nothing is wanted: how this hookward compares with another."""
    return [what, f"{measured:.2f}", "", ""]


def met(is_met):
    return "yes" if is_met else "**no**"


def cost_table(title, rows_of):
    """Rows of (what, {size: Cost}, {size: reference Cost})."""
    rows = []
    for what, by_size, reference in rows_of:
        cells = [f"{micros(median(by_size[label].cpu))} ({by_size[label].ratio(reference[label]):.2f})" for label in SIZES]
        rows.append([what, *cells])
    return table([title, *SIZES], rows)
