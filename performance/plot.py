"""Plots as SVG: CPU time a request against the size of its body, and times by program. A program has the same colour
in each."""
import math

from measure import SIZES, median

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 780, 90, 190, 20, 50
COLOURS = {"hookward": "#d9480f", "before": "#ffa94d", "nginx + Lua": "#1971c2", "nginx + njs": "#74c0fc",
           "HAProxy": "#2f9e44", "bare Pingora": "#868e96", "SHA-256 alone": "#212529"}
GRID, WORDS = "#dee2e6", "#495057"
# A row of the plot of times, and the space above the rows of a panel.
ROW, PANEL = 20, 34


def lines(capacity, path):
    """CPU time a request against size, both axes logarithmic."""
    height = 460
    values_of = {name: [(size, median(capacity[label][name].cpu)) for label, size in SIZES.items()]
                 for name in COLOURS if name in capacity["1 kB"]}
    values = [value for line in values_of.values() for _, value in line]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    sizes = list(SIZES.values())

    def x(size):
        return LEFT + (math.log10(size / sizes[0]) / math.log10(sizes[-1] / sizes[0])) * (WIDTH - LEFT - RIGHT)

    def y(value):
        return height - BOTTOM - (math.log10(value) - low) / (high - low) * (height - TOP - BOTTOM)

    out = begin("CPU time a request against body size", height)
    for power in range(low, high + 1):
        out.append(line((LEFT, y(10**power)), (WIDTH - RIGHT, y(10**power))))
        out.append(words(LEFT - 8, y(10**power) + 4, f"{10**power:,} µs", "end"))
    for label, size in SIZES.items():
        out.append(line((x(size), TOP), (x(size), height - BOTTOM)))
        out.append(words(x(size), height - BOTTOM + 18, label, "middle"))
    out.append(words((LEFT + WIDTH - RIGHT) / 2, height - 10, "body", "middle"))
    taken = []
    for name, points in sorted(values_of.items(), key=lambda entry: -entry[1][-1][1]):
        places = " ".join(f"{x(size):.1f},{y(value):.1f}" for size, value in points)
        dashes = ' stroke-dasharray="6 4"' if name == "SHA-256 alone" else ""
        width = 3 if name == "hookward" else 1.5
        out.append(f'<polyline points="{places}" fill="none" stroke="{COLOURS[name]}" stroke-width="{width}"{dashes}/>')
        taken.append(max([y(points[-1][1]) + 4, *(other + 15 for other in taken)]))
        out.append(words(WIDTH - RIGHT + 8, taken[-1], name, colour=COLOURS[name]))
    write(out, path)


def times(panels, title, path):
    """{panel: {program: [p50, p99, p99.9]}} in milliseconds: a row for each program with a mark for each of the three, on
    one logarithmic axis for all panels."""
    left, right = 130, 40
    values = [value for panel in panels.values() for row in panel.values() for value in row]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    height = 70 + sum(PANEL + ROW * len(panel) for panel in panels.values())

    def x(value):
        return left + (math.log10(value) - low) / (high - low) * (WIDTH - left - right)

    out = begin(title, height)
    out.append(words(16, 22, title, weight="bold"))
    for place, (kind, label) in enumerate(zip(MARKS, ["p50", "p99", "p99.9"])):
        at = WIDTH - 230 + place * 70
        out += [kind(at, 18, WORDS), words(at + 10, 22, label)]
    for power in range(low, high + 1):
        out.append(line((x(10**power), 34), (x(10**power), height - 34)))
        out.append(words(x(10**power), height - 16, f"{10**power:g} ms", "middle"))
    y = 34
    for label, panel in panels.items():
        out.append(words(16, y + 20, label, weight="bold"))
        y += PANEL
        for name, row in panel.items():
            colour, middle = COLOURS[name], y + ROW / 2 - 4
            out.append(words(left - 10, middle + 4, name, "end", colour, "bold" if name == "hookward" else "normal"))
            out.append(line((x(row[0]), middle), (x(row[-1]), middle), colour, 3 if name == "hookward" else 1.5))
            out += [kind(x(value), middle, colour) for kind, value in zip(MARKS, row)]
            y += ROW
    write(out, path)


def disc(x, y, colour):
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}"/>'


def ring(x, y, colour):
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="#ffffff" stroke="{colour}" stroke-width="2"/>'


def bar(x, y, colour):
    return f'<rect x="{x - 2:.1f}" y="{y - 7:.1f}" width="4" height="14" fill="{colour}"/>'


MARKS = [disc, ring, bar]


def begin(title, height):
    return [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
            f"<title>{title}</title>", f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>']


def line(start, end, colour=GRID, width=1):
    return (f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" stroke="{colour}" '
            f'stroke-width="{width}"/>')


def words(x, y, text, anchor="start", colour=WORDS, weight="normal"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-weight="{weight}">{text}</text>'


def write(out, path):
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join([*out, "</svg>"]) + "\n")
