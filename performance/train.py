#!/usr/bin/env python3
"""The load by which `make release-pgo` learns what is common: both providers, small bodies and large,
good requests and refused ones, one secret and several, TCP and Unix sockets."""
from loads import closed_loop, signed
from programs import Programs


def main():
    with Programs() as programs:
        programs.app()
        plain = programs.hookward()
        rotating = programs.hookward("rotating", secrets=3, upstream=f"unix:{programs.path('app.sock')}")
        for program, seconds in ((plain, 4), (rotating, 2)):
            for provider in ("hubspot", "twenty"):
                mixed = [signed(provider, size) for size in [1_000] * 40 + [16_000] * 8 + [100_000] * 2 + [1_000_000]]
                closed_loop(program, mixed, seconds, 32)
                closed_loop(program, [signed(provider, 1_000)], seconds, 32)
            for kind in ("forged", "expired"):
                closed_loop(program, [signed("hubspot", 1_000, kind)], 1, 32, refused=True)


if __name__ == "__main__":
    main()
