"""What is measured, in rounds that take every program in turn: what disturbs one disturbs all."""
import os
import statistics
import time

from loads import Unique, closed_loop, cpu_a_request, signed
from programs import HashAlone

SIZES = {"1 kB": 1_000, "16 kB": 16_000, "100 kB": 100_000, "1 MB": 1_000_000}


def median(values):
    return statistics.median(values)


def say(text):
    print(text, flush=True)


class Cost:
    """CPU time a request of one program, by round, and its memory after the last."""

    def __init__(self, rounds, resident):
        self.resident = resident
        self.cpu = [cpu for cpu, _, _ in rounds]
        self.user = [user for _, user, _ in rounds]
        self.rate = [rate for _, _, rate in rounds]

    def ratio(self, other):
        """This ÷ the other: the median of the rounds' ratios."""
        return median(ours / theirs for ours, theirs in zip(self.cpu, other.cpu))

    def more(self, other):
        """This - the other in microseconds: the median of the rounds' differences."""
        return median(ours - theirs for ours, theirs in zip(self.cpu, other.cpu))


def costs(programs, requests, rounds, seconds, connections=32, refused=False, limit=None):
    """The cost of each program, by name. `requests` signs anew: a signature is good for minutes."""
    seen, alone = {name: [] for name in programs}, []
    for _ in range(rounds):
        for name, program in programs.items():
            seen[name].append(cpu_a_request(program, requests(), seconds, connections, refused))
        if limit:
            hash_alone, size = limit
            alone.append((hash_alone.cpu_a_request(size), 0, 0))
    result = {name: Cost(rounds, programs[name].resident_bytes()) for name, rounds in seen.items()}
    return result | ({HashAlone.name: Cost(alone, 0)} if limit else {})


def by_size(programs, rounds, seconds, provider="hubspot", kind="good", hash_alone=None):
    """Requests of each size, refused unless they are good: {size: {program: Cost}}. The hash alone is
    taken in the same rounds."""
    result = {}
    for label, size in SIZES.items():
        load = lambda: [signed(provider, size, kind)]
        limit = (hash_alone, size) if hash_alone else None
        result[label] = costs(programs, load, rounds, seconds, refused=kind != "good", limit=limit)
        for name, cost in result[label].items():
            say(f"{provider} {kind} {label:>6} {name:22} {median(cost.cpu):8.1f} us  {median(cost.rate):8.0f}/s")
    return result


def replay(programs, rounds, seconds, size=1_000, most=120_000):
    """What each program costs a request of which no two are alike, and so every one counts."""
    return costs(programs, lambda: Unique("hubspot", size, most * seconds), rounds, seconds)


def syncs_a_second(folder, size=1_000, seconds=2):
    """How often a second the disk keeps a kilobyte for certain, one after the other."""
    with open(os.path.join(folder, "syncs"), "wb") as file:
        count, until = 0, time.monotonic() + seconds
        while time.monotonic() < until:
            file.write(b"x" * size)
            file.flush()
            os.fdatasync(file.fileno())
            count += 1
    return count / seconds


def storing(program, folder, rounds, seconds, size=1_000):
    """For 1, 32 and 256 senders: events stored a second, CPU microseconds a stored event, and syncs of the disk a second
    in the same rounds."""
    result = {}
    for senders in (1, 32, 256):
        seen = []
        for _ in range(rounds):
            syncs = syncs_a_second(folder, size, seconds)
            cpu, _, rate = cpu_a_request(program, [signed("hubspot", size)], seconds, senders)
            seen.append((rate, cpu, syncs))
        result[senders] = [median(column) for column in zip(*seen)]
    return result


def memory_over_time(program, total):
    """Resident memory after ten thousand requests of mixed sizes, and after `total`."""
    def send(until, done):
        while done < until:
            mixed = [signed("hubspot", 1_000)] * 90 + [signed("hubspot", 16_000)] * 8
            mixed += [signed("hubspot", 100_000), signed("hubspot", 1_000_000)]
            count, _ = closed_loop(program, mixed, 2 if until <= 10_000 else 20, 32)
            done += count
        time.sleep(2)
        return done
    done = send(10_000, 0)
    early = program.resident_bytes()
    done = send(total, done)
    return early, program.resident_bytes(), done
