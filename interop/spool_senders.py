"""Senders of signed events that know what became of each, and the judgement: what was answered 2xx was taken."""
import collections
import random
import threading
import time

from repeats import Connection, Signed

LIMIT = 30
TARGETS = ("/on-failure", "/always")
# What the app answers where nothing can be stored, and what is answered in its stead.
REFUSALS = (429, 500, 502, 503, 504)


class Sent:
    """An event, and its status; None where there was no answer."""

    def __init__(self, target, request, status):
        self.target, self.request, self.status = target, request, status


def padding():
    """Most events are small, some take pages of their own, and a few many."""
    chance = random.random()
    return 0 if chance < 0.9 else random.randrange(20_000) if chance < 0.99 else random.randrange(200_000)


class Senders:
    """Some senders for each route, each on a connection that is kept, one event after the other."""

    def __init__(self, port, each=3, pause=0.04, on_answer=lambda sent: None):
        self.port, self.pause, self.on_answer = port, pause, on_answer
        self.sent, self.is_over = [], threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(target,), daemon=True) for target in TARGETS for _ in range(each)]
        for thread in self.threads:
            thread.start()

    def _run(self, target):
        connection = Connection(self.port)
        while not self.is_over.is_set():
            if connection.socket is None and not self._connects(connection):
                continue
            request, status = Signed(padding=padding()), None
            try:
                status = connection.ask(request, target)
            except (OSError, ConnectionError):
                connection.close()
            sent = Sent(target, request, status)
            self.sent.append(sent)
            self.on_answer(sent)
            self.is_over.wait(random.uniform(0, self.pause))
        connection.close()

    def _connects(self, connection):
        try:
            connection.connect()
            return True
        except OSError:
            self.is_over.wait(0.01)
            return False

    def end(self):
        """Ends once each event was answered, or will not be. Whether that came to be."""
        self.is_over.set()
        deadline = time.monotonic() + LIMIT
        for thread in self.threads:
            thread.join(max(0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self.threads)


def send(port, target, number=1, padding=0):
    """So many events one after the other, on a connection of their own."""
    connection, sent = Connection(port), []
    for _ in range(number):
        request = Signed(padding=padding)
        sent.append(Sent(target, request, connection.ask(request, target)))
    connection.close()
    return sent


def judge(count, sent, app, counts_up=True):
    """Checks what became of the events, and returns it in numbers. `counts_up`: the store forgets no attempt."""
    statuses = collections.Counter(one.status for one in sent)
    stored = [one for one in sent if one.status == 202]
    direct = [one for one in sent if one.status == 200]
    # Whatever the app took directly, an event that was answered 202 is to come from the spool.
    lost = [one for one in stored if one.request.body not in app.delivered]
    lost += [one for one in direct if not app.taken[one.request.body]]
    count.check(not lost, "answered 2xx, and never taken", [(one.target, one.status, one.request.body[:40]) for one in lost[:5]])
    odd = {status: times for status, times in statuses.items() if status not in (None, 200, 202, *REFUSALS)}
    count.check(not odd, "other answers", odd)
    judge_arrivals(count, sent, app, counts_up)
    twice = sum(app.taken[one.request.body] > 1 for one in sent)
    refused = sum(statuses[status] for status in REFUSALS)
    return {"202": len(stored), "200": len(direct), "refused": refused, "unanswered": statuses[None], "lost": len(lost), "twice": twice}


def judge_arrivals(count, sent, app, counts_up=True):
    """What comes is what was sent; an event has one id and one time, and its attempts are counted up."""
    targets = {one.request.body: one.target for one in sent}
    strange = [arrival.body[:40] for arrival in app.arrivals if targets.get(arrival.body) != arrival.target]
    count.check(not strange, "the app got what nobody sent", strange[:5])
    ids, bodies, attempts = {}, {}, {}
    others, shared, back = [], [], []
    for arrival in (arrival for arrival in app.arrivals if arrival.delivery):
        identity = arrival.delivery, arrival.received_at
        if ids.setdefault(arrival.body, identity) != identity:
            others.append(identity)
        if bodies.setdefault(arrival.delivery, arrival.body) != arrival.body:
            shared.append(arrival.delivery)
        # The number may come twice where a process was killed.
        if arrival.attempt < max(1, attempts.get(arrival.delivery, 1)):
            back.append((arrival.delivery, arrival.attempt))
        attempts[arrival.delivery] = arrival.attempt
    count.check(not others, "an event with two ids, or times", others[:5])
    count.check(not shared, "an id of two events", shared[:5])
    count.check(not (counts_up and back), "attempts that are not counted up", back[:5])
