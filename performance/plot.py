"""CPU time a request against the size of its body, as SVG, both axes logarithmic."""
import math

from measure import SIZES, median

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 780, 460, 90, 190, 20, 50
COLOURS = {"hookward": "#d9480f", "nginx + Lua": "#1971c2", "nginx + njs": "#74c0fc", "HAProxy": "#2f9e44",
           "bare Pingora": "#868e96", "SHA-256 alone": "#212529"}


def draw(capacity, path):
    lines = {name: [(size, median(capacity[label][name].cpu)) for label, size in SIZES.items()]
             for name in COLOURS if name in capacity["1 kB"]}
    values = [value for line in lines.values() for _, value in line]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    sizes = list(SIZES.values())

    def x(size):
        return LEFT + (math.log10(size / sizes[0]) / math.log10(sizes[-1] / sizes[0])) * (WIDTH - LEFT - RIGHT)

    def y(value):
        return HEIGHT - BOTTOM - (math.log10(value) - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           "<title>CPU time a request against body size</title>",
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>']
    for power in range(low, high + 1):
        height = y(10**power)
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{height:.1f}" y2="{height:.1f}" stroke="#dee2e6"/>')
        out.append(f'<text x="{LEFT - 8}" y="{height + 4:.1f}" text-anchor="end">{10**power:,} µs</text>')
    for label, size in SIZES.items():
        out.append(f'<line x1="{x(size):.1f}" x2="{x(size):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#dee2e6"/>')
        out.append(f'<text x="{x(size):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{label}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">body</text>')
    taken = []
    for name, line in sorted(lines.items(), key=lambda entry: -entry[1][-1][1]):
        points = " ".join(f"{x(size):.1f},{y(value):.1f}" for size, value in line)
        dashes = ' stroke-dasharray="6 4"' if name == "SHA-256 alone" else ""
        width = 3 if name == "hookward" else 1.5
        out.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[name]}" stroke-width="{width}"{dashes}/>')
        height = max([y(line[-1][1]) + 4, *(other + 15 for other in taken)])
        taken.append(height)
        out.append(f'<text x="{WIDTH - RIGHT + 8}" y="{height:.1f}" fill="{COLOURS[name]}">{name}</text>')
    out.append("</svg>")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")
