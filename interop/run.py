#!/usr/bin/env python3
"""The interoperation suite: the providers' own code on one side, the real program on the other."""
import sys
import time

import cluster
import compose
import compose_config
import downgrade
import explain
import getting_started
import handover
import http2
import hubspot
import names
import odd
import prometheus
import public_url
import replay
import senders
import smuggling
import spool_damage
import spool_disks
import spool_kills
import spool_nats
import spool_power
import status_page
import tls
import twenty
import unit
import unit_systemd

began = time.monotonic()
SUITES = (getting_started, explain, hubspot, twenty, public_url, smuggling, http2, downgrade, senders, tls, names,
          handover, prometheus, odd, replay, spool_kills, spool_power, spool_damage, spool_disks, spool_nats, status_page,
          unit, unit_systemd, cluster, compose, compose_config)
counts = [count for suite in SUITES for count in suite.run()]
print()
for count in counts:
    print(f"{count.title:34} {count.passed:5} passed, {count.failed} failed")
print(f"\n{time.monotonic() - began:.0f} s")
print(f"{sum(count.passed for count in counts)} passed, {sum(count.failed for count in counts)} failed")
sys.exit(any(count.failed or not count.passed for count in counts))
