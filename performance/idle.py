"""What an idle connection takes of memory, by the protocol that it speaks."""
import resource

from loads import closed_loop, signed
from protocols import Connection


def connection_bytes(program, protocol, count=2000):
    """Resident memory that an idle connection takes, which had one request."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, count + 1024)), hard))
    # What is paid once, by the first of them.
    closed_loop(program, [signed("hubspot", 1_000)], 1, 64)
    for connection in [connect(program, protocol) for _ in range(64)]:
        connection.close()
    before = program.resident_bytes()
    connections = [connect(program, protocol) for _ in range(count)]
    used = program.resident_bytes() - before
    for connection in connections:
        connection.close()
    return used / count


def connect(program, protocol):
    """A connection that had one request."""
    connection = Connection(program, protocol)
    if not connection.exchange():
        raise SystemExit(f"the request over {protocol} was refused")
    return connection
