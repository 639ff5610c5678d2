"""Uses a cluster through Debian's python3-redis: its plain client and its cluster client.

Usage: clients.py plain|cluster|failover|once HOST:PORT...

plain: the first address is the leader's, the second a follower's. once: the address is the leader's. failover: the leader is killed while this
runs; each line on standard output says how far it is.
"""

import sys
import time

import redis
from redis.cluster import ClusterNode, RedisCluster


def check(what, have, want):
    if have != want:
        sys.exit(f"{what}: {have!r}, promised: {want!r}")


def split(address):
    host, port = address.rsplit(":", 1)
    return host, int(port)


def exercise(client, prefix):
    check("SET", client.set(f"{prefix}:a", "hello"), True)
    check("APPEND", client.append(f"{prefix}:a", " world"), 11)
    check("GET", client.get(f"{prefix}:a"), b"hello world")
    check("GET of a missing key", client.get(f"{prefix}:none"), None)
    check("SET NX", client.set(f"{prefix}:a", "x", nx=True), None)
    check("SET EX", client.set(f"{prefix}:t", "x", ex=60), True)
    check("TTL", 50 < client.ttl(f"{prefix}:t") <= 60, True)
    check("INCRBY", client.incrby(f"{prefix}:n", 42), 42)
    check("GETRANGE", client.getrange(f"{prefix}:a", 0, 4), b"hello")
    pipe = client.pipeline() if prefix == "cluster" else client.pipeline(transaction=False)
    for i in range(100):
        pipe.set(f"{prefix}:p{i}", i)
        pipe.get(f"{prefix}:p{i}")
    replies = pipe.execute()
    check("a pipeline", replies, [x for i in range(100) for x in (True, str(i).encode())])
    check("DEL", client.delete(f"{prefix}:a"), 1)


def plain(leader, follower):
    host, port = split(leader)
    exercise(redis.Redis(host=host, port=port), "plain")
    host, port = split(follower)
    client = redis.Redis(host=host, port=port)
    check("PING", client.ping(), True)
    try:
        client.set("plain:b", "x")
    except redis.exceptions.ResponseError as error:
        words = str(error).split()
        check("MOVED", (words[0], words[-1]), ("MOVED", leader))
    else:
        sys.exit("a follower took a write")


def once(leader):
    host, port = split(leader)
    client = redis.Redis(host=host, port=port)
    session = client.execute_command("SESSION", "OPEN", "TTL", 60)
    for _ in range(3):
        check("ONCE INCR", client.execute_command("ONCE", session, 1, "INCR", "once:n"), 1)
    check("ONCE SET", client.execute_command("ONCE", session, 2, "SET", "once:a", "x"), b"OK")
    check("ONCE STATUS", client.execute_command("ONCE STATUS", session, 1), [b"done", 1])
    check("GET", client.get("once:n"), b"1")
    pipe = client.pipeline(transaction=False)
    for sequence in (3, 3, 4):
        pipe.execute_command("ONCE", session, sequence, "APPEND", "once:a", "y")
    check("a pipeline of ONCE", pipe.execute(), [2, 2, 3])
    check("SESSION CLOSE", client.execute_command("SESSION", "CLOSE", session), 1)


def cluster_client(addresses):
    nodes = [ClusterNode(*split(address)) for address in addresses]
    return RedisCluster(startup_nodes=nodes, socket_timeout=2)


def new_cluster_client(addresses):
    """Returns a client when one can be made: not while the nodes are without a leader."""
    for _ in range(500):
        try:
            return cluster_client(addresses)
        except redis.exceptions.RedisError:
            time.sleep(0.02)
    sys.exit("no new client can be made")


def cluster(*addresses):
    client = cluster_client(addresses)
    exercise(client, "cluster")
    check("the nodes", len(client.get_nodes()), len(addresses))
    check("the primaries", len(client.get_primaries()), 1)


def failover(*addresses):
    client = cluster_client(addresses)
    acknowledged = []
    failures = 0
    end = None
    n = 0
    print("ready", flush=True)
    start = time.monotonic()
    while end is None or time.monotonic() < end:
        n += 1
        try:
            client.set(f"failover:{n}", n)
        except redis.exceptions.RedisClusterException:
            # Version 4.3.4 cannot look for the primary again once it has dropped a dead node's connection: it
            # fails to copy its own settings. A program helps itself with a new client.
            failures += 1
            client = new_cluster_client(addresses)
        except redis.exceptions.RedisError:
            failures += 1
            time.sleep(0.02)
        else:
            acknowledged.append(n)
            if failures and end is None:
                end = time.monotonic() + 0.5
        if time.monotonic() - start > 20:
            if failures:
                sys.exit("no write succeeded after the failure")
            break  # the library's own retries hid the failover
        if n % 50 == 0:
            time.sleep(0.005)
    for n in acknowledged:
        check(f"failover:{n}", client.get(f"failover:{n}"), str(n).encode())
    print(f"{len(acknowledged)} writes acknowledged, {failures} failed", flush=True)


if __name__ == "__main__":
    {"plain": plain, "cluster": cluster, "failover": failover, "once": once}[sys.argv[1]](*sys.argv[2:])
